"use client";

import { Button } from "../components/ui/button.tsx";
import { PageHeader } from "../components/ui/page.tsx";
import { ErrorState } from "../components/ui/states.tsx";

export default function PageError({ error, reset }: { error: Error & { digest?: string }; reset: () => void }) {
  return (
    <>
      <PageHeader title="Error" />
      <ErrorState
        title="This page could not be shown"
        code={error.digest}
        action={
          <Button kind="primary" onClick={reset}>
            Try again
          </Button>
        }
      >
        Something failed while the page was made. The server's log has the cause under the code below.
      </ErrorState>
    </>
  );
}
