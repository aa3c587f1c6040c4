// Light or dark, chosen before anything is painted: the person's choice, else the system's.
"use strict";
document.documentElement.dataset.theme = (() => {
  try {
    const chosen = localStorage.getItem("modelplug.theme");
    if (chosen === "light" || chosen === "dark") return chosen;
  } catch {
    // Storage may be forbidden; the system decides.
  }
  return matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
})();
