// Everything on the page that can be operated, numbered, and what the tab key reaches of it with which ring around.
() => {
  document.querySelectorAll("details").forEach((one) => { one.open = true; });
  const shown = (one) => one.checkVisibility({ visibilityProperty: true });
  const native = "a[href], button, input:not([type=hidden]), select, textarea, summary, [tabindex]";
  const name = (one) => `<${one.tagName.toLowerCase()}> ${(one.getAttribute("aria-label") || one.textContent || one.name || "").trim().replace(/\s+/g, " ").slice(0, 50)}`;
  const wanted = [...document.querySelectorAll(native)].filter((one) => shown(one) && !one.disabled && one.tabIndex >= 0 && one.tagName !== "MAIN");
  // Of a group of radio buttons the tab key reaches one, and arrows the others.
  const groups = new Map();
  wanted.filter((one) => one.type === "radio").forEach((one) => groups.set(one.name, [...(groups.get(one.name) || []), one]));
  const state = { wanted, reached: new Set(), ringless: new Set() };
  window.keyboardWalk = state;
  document.addEventListener("focusin", ({ target }) => {
    state.reached.add(target);
    (groups.get(target.name) || []).forEach((one) => state.reached.add(one));
    const how = getComputedStyle(target);
    if (how.outlineStyle === "none" || !parseFloat(how.outlineWidth)) state.ringless.add(target);
  });
  const clickable = [...document.querySelectorAll("body *")].filter(
    (one) => shown(one) && getComputedStyle(one).cursor === "pointer" && !one.closest(`${native}, label`));
  const ahead = [...document.querySelectorAll("[tabindex]")].filter((one) => one.tabIndex > 0);
  window.keyboardResult = () => ({
    missed: state.wanted.filter((one) => !state.reached.has(one)).map(name),
    ringless: [...state.ringless].map(name),
    mouseOnly: clickable.map(name),
    outOfOrder: ahead.map(name),
  });
  // A field of a date or a time is walked through part by part.
  return wanted.length + 6 * wanted.filter((one) => /^(date|time|datetime-local|month|week)$/.test(one.type)).length;
}
