// Runs before the first paint, so that a chosen theme never flashes the other one. Kept apart from the bundle because
// the content security policy allows no inline script.
(() => {
  try {
    const theme = localStorage.getItem('spillway.theme');
    if (theme === 'dark' || theme === 'light') document.documentElement.dataset.theme = theme;
  } catch {
    // Storage is blocked: the system's theme applies.
  }
})();
