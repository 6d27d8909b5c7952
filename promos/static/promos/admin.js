// Unfold puts click handlers on plain elements: let the keyboard reach them too.
"use strict";

const NATIVE = "a[href], button, input, select, textarea, summary";
const ICON_NAMES = { more_horiz: "More actions", close: "Close", menu: "Menu", search: "Search" };

function reachable(root) {
  for (const element of root.querySelectorAll("[x-on\\:click]")) {
    if (element.matches(NATIVE) || element.hasAttribute("tabindex")) continue;
    element.tabIndex = 0;
    element.setAttribute("role", "button");
    const icon = ICON_NAMES[element.textContent.trim()];
    if (icon) element.setAttribute("aria-label", icon);
  }
}

document.addEventListener("DOMContentLoaded", () => reachable(document));
document.addEventListener("htmx:afterSwap", (event) => {
  reachable(event.target);
  // A dialog opens under the keyboard, not somewhere else on the page.
  if (event.target.id === "modal-content") {
    setTimeout(() => event.target.querySelector("button[type=submit]")?.focus(), 100);
  }
});
document.addEventListener("keydown", (event) => {
  const isPressed = event.key === "Enter" || event.key === " ";
  if (isPressed && event.target.matches("[role=button][x-on\\:click]:not(button)")) {
    event.preventDefault();
    event.target.click();
  }
});
