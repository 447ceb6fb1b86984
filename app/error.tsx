"use client";

import { useEffect, useRef } from "react";
import { Button } from "../components/ui/button.tsx";
import { PageHeader } from "../components/ui/page.tsx";
import { useRefresh } from "../components/ui/refresh.tsx";
import { RefreshWhile } from "../components/ui/refresh-while.tsx";
import { ErrorState } from "../components/ui/states.tsx";

export default function PageError({ error, reset }: { error: Error & { digest?: string }; reset: () => void }) {
  const { refresh, pending, state, asOf } = useRefresh();
  const failedAt = useRef(asOf);
  useEffect(() => {
    if (asOf !== failedAt.current) reset();
  }, [asOf, reset]);
  return (
    <>
      <RefreshWhile active />
      <PageHeader title="Error" />
      <ErrorState
        title="This page cannot be shown"
        code={error.digest}
        action={
          state === "outdated" ? (
            <Button kind="primary" onClick={() => location.reload()}>
              Reload
            </Button>
          ) : (
            <Button kind="primary" pending={pending} onClick={refresh}>
              Try again
            </Button>
          )
        }
      >
        Rendering failed. The server's log has the cause under the code below.{" "}
        {state === "outdated"
          ? "The server has a new version. Reload the page to see it."
          : "The page retries every few seconds."}
      </ErrorState>
    </>
  );
}
