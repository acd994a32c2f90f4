"""testssl.sh finds nothing above low."""

import json
import os
import pathlib
import subprocess
import sys
import tempfile

with tempfile.TemporaryDirectory() as folder:
    report = pathlib.Path(folder, "report.json")
    done = subprocess.run(
        ["testssl", "--quiet", "--color", "0", "--warnings", "batch", "--ip", "127.0.0.1",
         "--add-ca", os.environ["AUTHORITY"], "--nodns", "none",
         "--jsonfile", report, f"ada.arca.test:{os.environ['TLS_PORT']}"],
        capture_output=True, text=True, timeout=900)
    if not report.exists():
        sys.exit(f"testssl: no report: {done.stdout[-500:]} {done.stderr[-500:]}")
    findings = json.loads(report.read_text())

# What an authority of a test cannot have, and what an operator turns on.
NOT_OURS = ("cert_", "certs_", "DNS_CAArecord", "OCSP", "HSTS", "cert_chain_of_trust",
            "cert_revocation", "security_headers", "engine_problem", "scanProblem")
found = [(f["id"], f["severity"], f["finding"]) for f in findings
         if f["severity"] in ("MEDIUM", "HIGH", "CRITICAL") and not f["id"].startswith(NOT_OURS)]
print(f"testssl: {len(findings)} findings, above low: {found}")
sys.exit(bool(found) or len(findings) < 50)
