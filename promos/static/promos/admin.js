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

// Select2's boxes do not know the label of the select that they stand for.
function named(select) {
  const label = document.querySelector(`label[for="${select.id}"]`);
  const box = select.nextElementSibling?.querySelector(".select2-selection__rendered");
  if (label && box) box.setAttribute("aria-label", label.textContent.trim());
}

window.addEventListener("load", () => {
  // jQuery's queue: behind the calls that make the boxes.
  window.django?.jQuery?.(() => document.querySelectorAll("select.select2-hidden-accessible").forEach(named));
});
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

// One menu serves all rows of a list: it is filled for the row whose button is pressed, which then opens it.
document.addEventListener("click", (event) => {
  const menu = document.getElementById("row-menu");
  const button = event.target.closest("[data-row]");
  if (menu && button) fillMenu(menu, button);
  if (event.target.closest("#row-menu a")) menu.hidePopover();
});

function fillMenu(menu, button) {
  for (const other of document.querySelectorAll("[data-row]")) other.popoverTargetElement = null;
  button.popoverTargetElement = menu;
  const links = document.getElementById("row-actions").innerHTML;
  menu.innerHTML = links.replaceAll("__row__", button.dataset.row);
  window.htmx.process(menu);
  // Places within the page, with which the menu scrolls: below the button, or above one that is low on the screen.
  const place = button.getBoundingClientRect();
  const isLow = place.top > window.innerHeight / 2;
  menu.style.top = isLow ? "auto" : `${place.bottom + window.scrollY}px`;
  menu.style.bottom = isLow ? `${window.innerHeight - place.top - window.scrollY}px` : "auto";
  menu.style.right = `${document.documentElement.clientWidth - place.right}px`;
}

// A button that copies says so, to the eye and to a screen reader.
document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  try {
    await navigator.clipboard.writeText(button.dataset.copy);
    button.textContent = "Copied";
  } catch {
    // Not allowed here, or no https: the link stands beside the button, selected for the keyboard.
    window.getSelection().selectAllChildren(button.previousElementSibling);
    button.textContent = "Press Ctrl+C";
  }
  button.setAttribute("aria-live", "polite");
});
