// Makes the form more helpful where scripts run. Nothing depends on it: the form is a plain POST, and the
// server says the same things. It sends nothing and keeps nothing.
(() => {
  "use strict";

  const FIELDS_NEEDED = 2;

  const printButton = document.getElementById("print-page");
  if (printButton) {
    printButton.hidden = false;
    printButton.addEventListener("click", () => window.print());
  }

  const form = document.getElementById("query-form");
  if (!form) {
    return;
  }
  const inputs = Array.from(form.querySelectorAll("input"));
  const status = document.getElementById("pair-status");
  const clearButton = document.getElementById("clear-form");

  const isFilled = (input) => input.value.trim() !== "";
  const filledCount = () => inputs.filter(isFilled).length;

  function describe(count) {
    if (count === 0) {
      return { state: "empty", text: "" };
    }
    if (count < FIELDS_NEEDED) {
      return { state: "under", text: "已填写 1 项，还需填写 1 项。" };
    }
    if (count === FIELDS_NEEDED) {
      return { state: "ready", text: "已填写两项，可以查询。" };
    }
    return { state: "over", text: `已填写 ${count} 项，请清空多余的，只保留两项。` };
  }

  // A live region: written only when the words change, or every keystroke would be read out.
  function showStatus() {
    const { state, text } = describe(filledCount());
    if (status.textContent !== text) {
      status.textContent = text;
      status.dataset.state = state;
    }
  }

  // The same summary the server would answer with.
  function showSummary(target, text) {
    document.getElementById("error-summary")?.remove();
    const summary = document.createElement("div");
    summary.id = "error-summary";
    summary.className = "notice notice-error";
    summary.tabIndex = -1;
    summary.setAttribute("role", "alert");
    const heading = document.createElement("h2");
    heading.textContent = "请改正后再查询";
    const link = document.createElement("a");
    link.href = `#${target.id}`;
    link.textContent = text;
    link.addEventListener("click", (event) => {
      event.preventDefault();
      target.focus();
    });
    const item = document.createElement("li");
    item.append(link);
    const list = document.createElement("ul");
    list.append(item);
    summary.append(heading, list);
    document.querySelector(".columns").before(summary);
    summary.focus();
  }

  form.addEventListener("input", showStatus);

  form.addEventListener("submit", (event) => {
    const count = filledCount();
    if (count === FIELDS_NEEDED) {
      return;
    }
    event.preventDefault();
    if (count > FIELDS_NEEDED) {
      showSummary(inputs.find(isFilled), `填写了 ${count} 项，请清空多余的，只保留两项`);
    } else {
      const text = count === 0 ? "还没有填写，请任选两项填写" : "只填写了 1 项，请再填写一项";
      showSummary(inputs.find((input) => !isFilled(input)), text);
    }
  });

  clearButton.hidden = false;
  clearButton.addEventListener("click", () => {
    for (const input of inputs) {
      input.value = "";
    }
    showStatus();
    inputs[0].focus();
  });

  showStatus();
})();
