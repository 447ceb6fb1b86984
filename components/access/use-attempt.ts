import { useState } from "react";
import { ApiError } from "../api.ts";

/** What a form sends, one attempt at a time. `refused`: why somebody was sent to the form. */
export function useAttempt<How extends string>(refused: () => ApiError | null = () => null) {
  const [pending, setPending] = useState<How | null>(null);
  const [refusal, setRefusal] = useState(refused);

  /** `how`: what is pending meanwhile. An ApiError becomes the refusal. */
  const attempt = async (how: How, work: () => Promise<void>): Promise<void> => {
    setPending(how);
    setRefusal(null);
    try {
      await work();
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      setRefusal(error);
    } finally {
      setPending(null);
    }
  };
  return { pending, refusal, attempt };
}
