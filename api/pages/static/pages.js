// htmx shows what the server answers, its errors included. Where no answer comes at all, or one of
// somebody else's between us and the server, this says so.
for (const event of ["htmx:sendError", "htmx:timeout", "htmx:responseError"]) {
  document.addEventListener(event, () => {
    const message = document.getElementById("message");
    message?.replaceChildren(document.getElementById("unreachable").content.cloneNode(true));
  });
}
