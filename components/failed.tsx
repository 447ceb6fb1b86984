import { ErrorState } from "./ui/states.tsx";

const TITLES: Record<string, string> = {
  FORBIDDEN: "You may not see this",
  STORAGE_UNAVAILABLE: "The storage cannot be reached",
  DEADLINE_EXCEEDED: "The storage did not answer in time",
  NOT_STARTED: "The server is not running",
  SHUTTING_DOWN: "This server is stopping",
};

/** What the API said instead of data. */
export function Failed({ error }: { error: { code: string; message: string } }) {
  return (
    <ErrorState title={TITLES[error.code] ?? "This could not be loaded"} code={error.code}>
      {error.message}
    </ErrorState>
  );
}
