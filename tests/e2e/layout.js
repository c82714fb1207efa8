// What of a page's text cannot be read: cut, squeezed into a column of few letters, wider than its box, beyond the window,
// or on top of other text.
() => {
  const SLACK = 1.5;
  const found = [];
  const say = (kind, element, more = "") => {
    const text = element.textContent.trim().replace(/\s+/g, " ").slice(0, 60);
    const name = element.tagName.toLowerCase() + [...element.classList].map((one) => `.${one}`).join("");
    found.push(`${kind}: <${name}> "${text}" ${more}`.trim());
  };
  const styles = new Map();
  const style = (element) => {
    if (!styles.has(element)) styles.set(element, getComputedStyle(element));
    return styles.get(element);
  };
  // Only for screen readers, or not shown: invisible, clipped away, in a closed <details>.
  const hidden = (element) => {
    if (!element.checkVisibility({ visibilityProperty: true, opacityProperty: true, contentVisibilityAuto: true })) return true;
    for (let one = element; one; one = one.parentElement) if (style(one).clipPath === "inset(50%)") return true;
    const box = element.getBoundingClientRect();
    return box.bottom < 0; // the link that skips to the content waits above the page
  };
  const scroller = (element) => {
    for (let one = element; one && one !== document.body; one = one.parentElement)
      if (/auto|scroll/.test(style(one).overflowX)) return one;
    return null;
  };

  const texts = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const owners = new Set();
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const owner = node.parentElement;
    if (!node.textContent.trim() || /^(script|style|noscript|template|option|title|desc|textarea)$/i.test(owner.tagName) || hidden(owner)) continue;
    owners.add(owner);
    const range = document.createRange();
    range.selectNodeContents(node);
    const around = scroller(owner)?.getBoundingClientRect();
    for (const rect of range.getClientRects()) {
      let { left, right, top, bottom } = rect;
      if (around) [left, right] = [Math.max(left, around.left), Math.min(right, around.right)];
      if (right - left > 1 && bottom - top > 1) texts.push({ left, right, top, bottom, owner, node });
    }
  }

  for (const owner of owners) {
    for (let one = owner; one && one !== document.body; one = one.parentElement) {
      if (style(one).display.startsWith("inline") && style(one).display !== "inline-block" && style(one).display !== "inline-flex") continue;
      if (one instanceof SVGElement) break;
      const how = style(one);
      const clips = /hidden|clip/.test(how.overflowX) || how.textOverflow === "ellipsis";
      if (!/auto|scroll/.test(how.overflowX) && one.clientWidth && one.scrollWidth > one.clientWidth + SLACK)
        say(clips ? "cut" : "wider than its box", one, `${one.scrollWidth} > ${one.clientWidth}`);
      if (/hidden|clip/.test(how.overflowY) && one.clientHeight && one.scrollHeight > one.clientHeight + SLACK)
        say("cut below", one, `${one.scrollHeight} > ${one.clientHeight}`);
      break; // the nearest box of a text; the ones around it have texts, or boxes, of their own
    }
  }

  for (const { left, right, owner } of texts)
    if (!scroller(owner) && (right > innerWidth + SLACK || left < -SLACK)) say("beyond the window", owner, `${Math.round(left)}–${Math.round(right)}`);

  // Words broken over and over, because a column had no room: more than five lines of about four letters.
  for (const owner of owners) {
    if (owner instanceof SVGElement || owner.textContent.trim().length < 20) continue;
    const box = owner.getBoundingClientRect();
    const size = parseFloat(style(owner).fontSize);
    if (box.width < 4 * size && box.height > 7 * size) say("squeezed", owner, `${Math.round(box.width)} wide`);
  }

  texts.sort((one, other) => one.top - other.top);
  for (let i = 0; i < texts.length; i++) {
    for (let j = i + 1; j < texts.length && texts[j].top < texts[i].bottom - 2; j++) {
      const [one, other] = [texts[i], texts[j]];
      if (one.node === other.node) continue;
      const width = Math.min(one.right, other.right) - Math.max(one.left, other.left);
      const height = Math.min(one.bottom, other.bottom) - other.top;
      if (width > 2 && height > Math.min(one.bottom - one.top, other.bottom - other.top) * 0.35)
        say("overlapping", one.owner, `and "${other.owner.textContent.trim().slice(0, 30)}"`);
    }
  }
  return [...new Set(found)];
}
