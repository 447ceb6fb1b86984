import { RefreshWhile } from "./ui/refresh-while.tsx";
import { ErrorState } from "./ui/states.tsx";

const TITLES: Record<string, string> = {
  FORBIDDEN: "You may not see this",
  STORAGE_UNAVAILABLE: "The storage cannot be reached",
  DEADLINE_EXCEEDED: "The storage did not answer in time",
  NOT_STARTED: "The server is not running",
  SHUTTING_DOWN: "This server is stopping",
};

/** Failures that end by themselves. */
const PASSING = new Set(["STORAGE_UNAVAILABLE", "DEADLINE_EXCEEDED", "NOT_STARTED", "SHUTTING_DOWN"]);

/** What the API said instead of data. It is looked again while that may pass. */
export function Failed({ error }: { error: { code: string; message: string } }) {
  return (
    <>
      <RefreshWhile active={PASSING.has(error.code)} seconds={5} />
      <ErrorState title={TITLES[error.code] ?? "This could not be loaded"} code={error.code}>
        {error.message}
      </ErrorState>
    </>
  );
}
