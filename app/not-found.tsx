import { paths } from "../components/paths.ts";
import { LinkButton } from "../components/ui/button.tsx";
import { PageHeader } from "../components/ui/page.tsx";
import { NotFoundState } from "../components/ui/states.tsx";

export default function NotFound() {
  return (
    <>
      <PageHeader title="Not found" />
      <NotFoundState
        title="There is nothing at this address"
        action={<LinkButton href={paths.overview()}>Overview</LinkButton>}
      >
        What was here may have been deleted, or the address has a slip in it.
      </NotFoundState>
    </>
  );
}
