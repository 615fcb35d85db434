themes();
const report = JSON.parse(document.getElementById("report").textContent);
document.getElementById("page").replaceChildren(...run(report));
