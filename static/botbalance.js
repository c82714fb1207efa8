// A button with data-copy="ID" copies that field. Without script the field can still be selected and copied by hand.
document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  const field = document.getElementById(button.dataset.copy);
  field.select();
  try {
    await navigator.clipboard.writeText(field.value);
    button.textContent = button.dataset.copied;
  } catch {
    // No clipboard without HTTPS: the text stays selected, ready for Ctrl-C.
    field.focus();
  }
});

// Rows of targets: added, removed and summed up without asking the server, which does the same without script.
document.querySelectorAll("form[data-targets]").forEach((form) => {
  const rows = form.querySelector("[data-rows]");
  const template = form.querySelector("template[data-row]");
  const count = form.querySelector('[name="targets-TOTAL_FORMS"]');

  // Exact in ten-thousandths of a percent: sums of binary fractions would show 99.99999.
  const parts = (text) => {
    const [whole, fraction = ""] = text.trim().replace(",", ".").split(".");
    return /^\d{1,4}$/.test(whole) && /^\d{0,4}$/.test(fraction) ? Number(whole) * 1e4 + Number(fraction.padEnd(4, "0")) : 0;
  };
  const percent = new Intl.NumberFormat(document.documentElement.lang, { style: "percent", maximumFractionDigits: 4 });
  const shown = (value) => percent.format(value / 1e6).replace("-", "−");
  const addUp = () => {
    let sum = 0;
    rows.querySelectorAll('[name$="-weight_pct"]').forEach((field) => { sum += parts(field.value); });
    form.querySelector("[data-sum]").textContent = shown(sum);
    form.querySelector("[data-rest]").textContent = shown(1e6 - sum);
    form.querySelector("[data-total]").classList.toggle("down", sum > 1e6);
  };

  form.addEventListener("input", addUp);
  form.addEventListener("click", (event) => {
    if (event.target.closest("[data-add]")) {
      event.preventDefault();
      const holder = document.createElement("div");
      holder.innerHTML = template.innerHTML.replaceAll("__prefix__", count.value);
      const row = holder.firstElementChild;
      rows.append(row);
      count.value = Number(count.value) + 1;
      row.querySelector("input").focus();
    }
    const remove = event.target.closest("[data-remove]");
    if (remove) {
      event.preventDefault();
      const row = remove.closest(".formset-row");
      row.querySelectorAll("input").forEach((field) => { field.value = ""; }); // an empty row is a dropped one
      row.hidden = true;
      addUp();
      form.querySelector("[data-add]").focus();
    }
  });
  addUp();
});

// What is folded out over the page folds away again when something else is pressed, or by Escape.
const foldedOut = () => document.querySelector(".site-nav details[open]");
document.addEventListener("click", (event) => {
  if (!event.target.closest(".site-nav details")) foldedOut()?.removeAttribute("open");
});
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape" || !foldedOut()) return;
  const menu = foldedOut();
  if (menu.contains(document.activeElement)) menu.querySelector("summary").focus();
  menu.removeAttribute("open");
});

// A choice that shows another page shows it at once.
document.addEventListener("change", (event) => {
  const form = event.target.closest("form[data-submit-on-change]");
  if (form) form.requestSubmit();
});

// A form that starts something is sent once; coming back to the page makes it usable again.
document.addEventListener("submit", (event) => {
  const form = event.target.closest("form[data-once]");
  if (!form) return;
  if (form.dataset.sent) event.preventDefault();
  form.dataset.sent = "yes";
});
window.addEventListener("pageshow", () => {
  document.querySelectorAll("form[data-once]").forEach((form) => { delete form.dataset.sent; });
});

// A browser in another time zone than the pages speak of is offered its own; nothing changes until it is accepted.
document.querySelectorAll("form[data-zone]").forEach((form) => {
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const same = (name) => (["Etc/UTC", "GMT", "Etc/GMT"].includes(name) ? "UTC" : name);
  if (!zone || same(zone) === same(form.dataset.zone)) return;
  form.querySelector("[data-zone-name]").textContent = zone;
  form.querySelector("[data-zone-value]").value = zone;
  form.hidden = false;
});
