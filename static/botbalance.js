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
