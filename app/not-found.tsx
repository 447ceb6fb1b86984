import { paths } from "../components/paths.ts";
import { LinkButton } from "../components/ui/button.tsx";
import { PageHeader } from "../components/ui/page.tsx";
import { NotFoundState } from "../components/ui/states.tsx";

export default function NotFound() {
  return (
    <>
      <PageHeader title="Not found" />
      <NotFoundState title="Page not found" action={<LinkButton href={paths.overview()}>Overview</LinkButton>}>
        It may have been deleted, or the address may have a typo.
      </NotFoundState>
    </>
  );
}
