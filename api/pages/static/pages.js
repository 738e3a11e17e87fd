// htmx shows what the server answers, its errors included. Where no answer comes at all, or one of
// somebody else's between us and the server, this says so; not when it is we who leave the page.
let timer;

function tell() {
  const text = document.getElementById("unreachable").content.cloneNode(true);
  document.getElementById("message").replaceChildren(text);
}

for (const event of ["htmx:sendError", "htmx:timeout", "htmx:responseError"]) {
  document.addEventListener(event, () => {
    clearTimeout(timer);
    timer = setTimeout(tell, 300);
  });
}
addEventListener("pagehide", () => clearTimeout(timer));
