const CHOICES = ["system", "light", "dark"];
const system = matchMedia("(prefers-color-scheme: dark)");

/** Makes the theme button go round: as the system has it, light, dark; what is chosen is kept in this browser. */
export function mountTheme(button) {
  show(button, kept());
  button.addEventListener("click", () => {
    const next = CHOICES[(CHOICES.indexOf(button.dataset.themeChoice) + 1) % CHOICES.length];
    keep(next);
    show(button, next);
  });
  system.addEventListener("change", () => show(button, button.dataset.themeChoice));
  addEventListener("storage", (event) => {
    if (event.key === "theme") show(button, kept());
  });
}

function show(button, choice) {
  const dark = choice === "dark" || (choice === "system" && system.matches);
  document.documentElement.dataset.theme = dark ? "dark" : "light";
  button.dataset.themeChoice = choice;
  button.setAttribute("aria-label", button.dataset[choice]);
  button.title = button.dataset[choice];
}

function kept() {
  try {
    const choice = localStorage.getItem("theme");
    return CHOICES.includes(choice) ? choice : "system";
  } catch {
    return "system"; // storage is forbidden here
  }
}

function keep(choice) {
  try {
    localStorage.setItem("theme", choice);
  } catch {
    // Storage is forbidden here: the choice holds for this page alone.
  }
}
