(function () {
  'use strict';
  var began = Date.now(), isTold = false;
  function again() {
    var age = Date.now() - began;
    if (age > 60000 && !isTold) {
      isTold = true;
      document.getElementById('late').hidden = false;
      document.getElementById('wait').hidden = true;
    }
    if (age < 1800000) setTimeout(look, isTold ? 5000 : 1000);
  }
  function look() {
    fetch('/auth/waking', {cache: 'no-store', credentials: 'same-origin'}).then(function (answer) {
      // Signed out, paused or gone: whatever it is, the page itself is told.
      if (answer.status >= 400 && answer.status < 429) return location.reload();
      return answer.json().then(function (machine) {
        if (machine.state === 'awake') location.reload(); else again();
      });
    }).catch(again);
  }
  setTimeout(look, 500);
})();
