"""Clients in other languages over TLS: each gets the page over HTTP/1.1 and over HTTP/2."""

import os
import pathlib
import shutil
import ssl
import subprocess
import sys
import tempfile

import httpx

PORT, COOKIE, AUTHORITY = os.environ["TLS_PORT"], os.environ["COOKIE"], os.environ["AUTHORITY"]
HOST = "ada.arca.test"
URL = f"https://{HOST}:{PORT}/"
results = {}


def run(name, *words, cwd=None):
    done = subprocess.run(words, capture_output=True, text=True, cwd=cwd, timeout=240)
    results[name] = done.stdout.strip().replace("\n", " ") or done.stderr.strip()[-300:]


def curl():
    for version, option in (("1.1", "--http1.1"), ("2", "--http2")):
        run(f"curl {version}", "curl", "-s", option, "--cacert", AUTHORITY, "-H", f"Cookie: {COOKIE}",
            "--resolve", f"{HOST}:{PORT}:127.0.0.1", "-w", " %{http_code} %{http_version}", URL)


def python():
    context = ssl.create_default_context(cafile=AUTHORITY)
    for version in ("1.1", "2"):
        with httpx.Client(verify=context, http2=version == "2") as client:
            for _ in range(20):
                answer = client.get(
                    f"https://127.0.0.1:{PORT}/", headers={"Host": HOST, "Cookie": COOKIE},
                    extensions={"sni_hostname": HOST})
            results[f"httpx {version}"] = (
                f"{answer.text} {answer.status_code} {answer.http_version.removeprefix('HTTP/')}")


UNDICI = """
import { Agent, request } from 'undici';
import { readFileSync } from 'node:fs';
const [url, cookie, ca, h2] = process.argv.slice(2);
const lookup = (name, options, done) =>
  options.all ? done(null, [{ address: '127.0.0.1', family: 4 }]) : done(null, '127.0.0.1', 4);
const dispatcher = new Agent({ allowH2: h2 === '2', connect: { ca: readFileSync(ca), lookup } });
const all = await Promise.all([...Array(20)].map(async () => {
  const answer = await request(url, { dispatcher, headers: { cookie } });
  return `${await answer.body.text()} ${answer.statusCode} ${h2}`;
}));
console.log([...new Set(all)].join('; '));
await dispatcher.close();
"""


def node(folder):
    subprocess.run(["npm", "install", "--silent", "--no-audit", "--no-fund", "undici"], cwd=folder,
                   check=True, capture_output=True)
    (folder / "client.mjs").write_text(UNDICI)
    for version in ("1.1", "2"):
        run(f"undici {version}", "node", "client.mjs", URL, COOKIE, AUTHORITY, version, cwd=folder)


JAVA = """
import java.io.FileInputStream;
import java.net.URI;
import java.net.http.*;
import java.security.KeyStore;
import java.security.cert.CertificateFactory;
import javax.net.ssl.*;

class Client {
    public static void main(String[] words) throws Exception {
        var store = KeyStore.getInstance(KeyStore.getDefaultType());
        store.load(null);
        var certificates = CertificateFactory.getInstance("X.509");
        store.setCertificateEntry("a", certificates.generateCertificate(new FileInputStream(words[2])));
        var trust = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
        trust.init(store);
        var tls = SSLContext.getInstance("TLS");
        tls.init(null, trust.getTrustManagers(), null);
        var version = words[3].equals("2") ? HttpClient.Version.HTTP_2 : HttpClient.Version.HTTP_1_1;
        var client = HttpClient.newBuilder().sslContext(tls).version(version).build();
        HttpResponse<String> answer = null;
        for (int i = 0; i < 20; i++) {
            var request = HttpRequest.newBuilder(URI.create(words[0])).header("Cookie", words[1]).build();
            answer = client.send(request, HttpResponse.BodyHandlers.ofString());
        }
        var spoken = answer.version() == HttpClient.Version.HTTP_2 ? "2" : "1.1";
        System.out.println(answer.body() + " " + answer.statusCode() + " " + spoken);
    }
}
"""


def java(folder):
    if not shutil.which("javac"):
        print("clients: no javac here, Java's client was not tried")
        return
    (folder / "Client.java").write_text(JAVA)
    (folder / "hosts").write_text(f"127.0.0.1 {HOST}\n")
    for version in ("1.1", "2"):
        run(f"java {version}", "java", "-Djdk.net.hosts.file=hosts", "Client.java", URL, COOKIE,
            AUTHORITY, version, cwd=folder)


def h2load():
    run("h2load", "h2load", "-n2000", "-c10", "-m20", "-H", f"cookie: {COOKIE}",
        "-H", f":authority: {HOST}", f"https://127.0.0.1:{PORT}/")
    line = next((l for l in results["h2load"].split("  ") if "succeeded" in l), results["h2load"])
    results["h2load"] = "hello 200 2" if "2000 succeeded, 0 failed" in results["h2load"] else line


curl()
python()
h2load()
with tempfile.TemporaryDirectory() as folder:
    node(pathlib.Path(folder))
    java(pathlib.Path(folder))
wrong = {name: said for name, said in results.items()
         if said != f"hello 200 {name.split()[-1] if ' ' in name else '2'}"}
print(f"clients: {len(results)} tried ({', '.join(results)}), wrong: {wrong}")
sys.exit(bool(wrong))
