themes();
const report = JSON.parse(document.getElementById("report").textContent);
const drawn = report.kind === "find-max" ? search(report) : run(report);
document.getElementById("page").replaceChildren(...drawn);
