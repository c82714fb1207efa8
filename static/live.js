// Open pages stay fresh. One small question again and again, asked by the status bar: has anything changed since? Only
// what has is asked for, and changed in place, so that what is focused, opened, typed or selected stays as it is.
(() => {
  const EVERY_MS = 1500;
  const LONGEST_MS = 10_000; // between two questions to a server that does not answer
  const body = document.body;
  const bar = () => document.getElementById("status");
  const parts = () => [...document.querySelectorAll("[data-live]")];
  const wanted = (part) => part.dataset.live.split(" ");
  const marks = JSON.parse(body.dataset.marks || "{}"); // what this page has seen, by kind; the server's words

  // --- asking ------------------------------------------------------------------------------------------

  let timer;
  let wait = EVERY_MS;
  const ask = () => { if (bar()) htmx.trigger(bar(), "live:ask"); };
  const askLater = () => {
    clearTimeout(timer);
    if (!document.hidden) timer = setTimeout(ask, wait * (0.95 + Math.random() / 10));
  };

  if (body.dataset.marks && bar()) {
    document.addEventListener("visibilitychange", () => { clearTimeout(timer); if (!document.hidden) ask(); });
    window.addEventListener("online", () => { clearTimeout(timer); ask(); });
    askLater();
  }

  document.addEventListener("htmx:configRequest", (event) => {
    if (event.detail.elt !== bar()) return;
    const worth = document.querySelector("[data-worth]");
    new Set(["orders", "looks", ...(worth ? ["worth"] : []), ...parts().flatMap(wanted)]).forEach((kind) => {
      event.detail.parameters[kind] = marks[kind] ?? "";
    });
    if (worth) event.detail.parameters.account = worth.dataset.worth;
  });

  document.addEventListener("htmx:afterRequest", (event) => {
    const part = event.detail.elt.closest?.("#status, [data-live]");
    if (!part || event.detail.requestConfig.verb !== "get") return;
    if (part.id === "status") {
      wait = event.detail.successful ? EVERY_MS : Math.min(wait * 2, LONGEST_MS);
      [part, ...parts()].forEach((one) => one.classList.toggle("is-stale", !event.detail.successful));
      askLater();
    } else if (!event.detail.successful) {
      part.classList.add("is-stale");
      wanted(part).forEach((kind) => { marks[kind] = ""; }); // it has not been seen: the next answer says so again
    }
  });

  // What has changed, as the header of the answer says.
  document.addEventListener("live", (event) => {
    Object.assign(marks, event.detail.marks);
    const worth = document.querySelector("[data-worth]");
    if (worth && event.detail.worth) worth.textContent = event.detail.worth;
    parts().forEach((part) => {
      if (wanted(part).some((kind) => event.detail.changed.includes(kind))) htmx.trigger(part, "live:changed");
    });
  });

  // Signed out meanwhile: the sign-in page takes the whole window.
  document.addEventListener("htmx:beforeSwap", (event) => {
    const answered = new URL(event.detail.xhr.responseURL || window.location.href);
    const asked = new URL(event.detail.pathInfo.requestPath, window.location.href);
    if (answered.pathname !== asked.pathname) {
      event.detail.shouldSwap = false;
      window.location.reload();
    }
  });

  // --- changing in place -------------------------------------------------------------------------------

  const key = (node) => node.id || node.dataset?.key || "";
  const isKept = (node, name) => name === "open" && node.nodeName === "DETAILS"; // opened and closed by the reader

  const sameAttributes = (old, fresh) => {
    [...fresh.attributes].forEach(({ name, value }) => {
      if (!isKept(old, name) && old.getAttribute(name) !== value) old.setAttribute(name, value);
    });
    [...old.attributes].forEach(({ name }) => {
      if (!isKept(old, name) && !fresh.hasAttribute(name)) old.removeAttribute(name);
    });
  };

  const sameChildren = (old, fresh) => {
    const staying = new Set([...fresh.children].map(key));
    [...old.children].forEach((child) => { if (key(child) && !staying.has(key(child))) child.remove(); });
    const named = new Map([...old.children].filter(key).map((child) => [key(child), child]));
    let next = old.firstChild;
    [...fresh.childNodes].forEach((child) => {
      const mayBe = next && !key(next) && next.nodeName === child.nodeName ? next : null;
      const match = key(child) ? named.get(key(child)) : mayBe;
      if (match && match.nodeName === child.nodeName) {
        if (match === next) next = next.nextSibling;
        else old.insertBefore(match, next);
        morph(match, child);
      } else {
        old.insertBefore(child, next);
      }
    });
    while (next) {
      const gone = next;
      next = next.nextSibling;
      gone.remove();
    }
  };

  const morph = (old, fresh) => {
    if (old.dataset?.kept !== undefined) return; // a script's own
    if (old.nodeType !== Node.ELEMENT_NODE) {
      if (old.data !== fresh.data) old.data = fresh.data;
    } else if (!old.isEqualNode(fresh)) {
      sameAttributes(old, fresh);
      sameChildren(old, fresh);
    }
  };

  htmx.defineExtension("morph", {
    isInlineSwap: (style) => style === "morph",
    handleSwap: (style, target, fragment) => {
      if (style !== "morph") return false;
      morph(target, fragment.firstElementChild);
      return [target];
    },
  });

  // --- times that go on --------------------------------------------------------------------------------

  const words = JSON.parse(body.dataset.words || "null");
  const ahead = Date.now() - Number(body.dataset.now || Date.now()); // of this machine's clock before the server's
  const filled = (text, values) => text.replace(/%\((\w+)\)s/g, (_whole, name) => values[name]);
  const lasting = (seconds) => {
    if (seconds < 60) return filled(words.s, { seconds });
    if (seconds < 3600) return filled(words.min, { minutes: Math.floor(seconds / 60), seconds: seconds % 60 });
    return filled(words.h, { hours: Math.floor(seconds / 3600), minutes: Math.floor((seconds % 3600) / 60) });
  };
  const tellTimes = () => {
    if (document.hidden) return;
    const now = Date.now() - ahead;
    document.querySelectorAll("time[data-ago]").forEach((time) => {
      const seconds = Math.floor((now - Date.parse(time.dateTime)) / 1000);
      if (!Number.isFinite(seconds) || Math.abs(seconds) >= 172_800) return; // days stay as they were written
      const isComing = time.dataset.ago === "coming";
      const text = seconds < 0 ? filled(words.in, { duration: lasting(-seconds) })
        : isComing ? words.now : filled(words.ago, { duration: lasting(seconds) });
      if (time.textContent !== text) time.textContent = text;
    });
  };
  if (words) setInterval(tellTimes, 1000);
})();
