"use client";

import { useEffect, useRef } from "react";
import { Button } from "../components/ui/button.tsx";
import { Glyph } from "../components/ui/glyph.tsx";
import { useRefresh } from "../components/ui/refresh.tsx";
import { RefreshWhile } from "../components/ui/refresh-while.tsx";

/**
 * Every page loads this beside its own script. Hazard: what only pages have, such as their header, would be loaded
 * twice, so this has markup of its own.
 */
export default function PageError({ error, reset }: { error: Error & { digest?: string }; reset: () => void }) {
  const { refresh, pending, state, asOf } = useRefresh();
  const failedAt = useRef(asOf);
  useEffect(() => {
    if (asOf !== failedAt.current) reset();
  }, [asOf, reset]);
  return (
    <>
      <RefreshWhile active />
      <h1 className="mb-3 text-lg leading-6 font-semibold tracking-tight">Error</h1>
      <div role="alert" className="flex flex-col items-center gap-2 px-4 py-10 text-center">
        <Glyph shape="octagon" ink="danger" />
        <p className="font-semibold">This page cannot be shown</p>
        <p className="max-w-prose text-muted">
          Rendering failed. The server's log has the cause under the code below.{" "}
          {state === "outdated"
            ? "The server has a new version. Reload the page to see it."
            : "The page retries every few seconds."}
        </p>
        <div className="mt-2 flex flex-wrap justify-center gap-2">
          {state === "outdated" ? (
            <Button kind="primary" onClick={() => location.reload()}>
              Reload
            </Button>
          ) : (
            <Button kind="primary" pending={pending} onClick={refresh}>
              Try again
            </Button>
          )}
          {error.digest ? <code className="self-center font-mono text-xs text-muted">{error.digest}</code> : null}
        </div>
      </div>
    </>
  );
}
