"""The home page in the browser: markup made here, `home.css` and `home.js` beside it."""
