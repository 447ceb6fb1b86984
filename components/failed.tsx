import { RefreshWhile } from "./ui/refresh-while.tsx";
import { ErrorState } from "./ui/states.tsx";

/** An error of the API, as pages show it. */
export interface Failure {
  code: string;
  message: string;
}

const TITLES: Record<string, string> = {
  FORBIDDEN: "You may not see this",
  BAD_INPUT: "This is refused",
  TOO_LARGE: "This is too much at once",
  STORAGE_UNAVAILABLE: "The storage is unreachable",
  DEADLINE_EXCEEDED: "The storage did not answer in time",
  NOT_STARTED: "The server is not running",
  SHUTTING_DOWN: "This server is stopping",
};

/** Failures that may end by themselves. */
const TRANSIENT = new Set(["STORAGE_UNAVAILABLE", "DEADLINE_EXCEEDED", "NOT_STARTED", "SHUTTING_DOWN"]);

/** An error of the API in place of data. Refreshes the page while the failure may end by itself. */
export function Failed({ error }: { error: Failure }) {
  return (
    <>
      <RefreshWhile active={TRANSIENT.has(error.code)} />
      <ErrorState title={TITLES[error.code] ?? "Loading failed"} code={error.code}>
        {error.message}
      </ErrorState>
    </>
  );
}
