// Prints how many tests of a Vitest report passed and failed, and on stderr each one that failed, with its first lines.
// `.ci/run` may call it with an old Node.
import { readFileSync } from "node:fs";

const report = JSON.parse(readFileSync(process.argv[2], "utf8"));
for (const { name, message, assertionResults } of report.testResults) {
  const failed = assertionResults.filter(({ status }) => status === "failed");
  for (const { fullName, failureMessages } of failed) tell(`${name}: ${fullName}`, failureMessages[0]);
  if (failed.length === 0 && message) tell(name, message);
}
console.log(report.numPassedTests, report.numFailedTests);

function tell(name, message = "") {
  console.error(
    `${name.replace(`${process.cwd()}/`, "")}\n  ${message.split("\n").slice(0, 6).join("\n  ").slice(0, 1000)}`,
  );
}
