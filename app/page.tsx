import { Button } from "../components/ui/button.tsx";
import { JsonViewer } from "../components/ui/json-viewer.tsx";
import { PageHeader, Panel } from "../components/ui/page.tsx";
import { EmptyState } from "../components/ui/states.tsx";
import { Ago } from "../components/ui/time.tsx";
export default function Page() {
  return (
    <>
      <PageHeader title="Overview" actions={<Button kind="primary">New</Button>} />
      <Panel title="x">
        <Ago at="2026-11-22T08:00:00.000Z" />
        <JsonViewer text={'{"a":12345678901234567890,"b":[1,2,{"c":null}],"a":"dup"}'} />
        <EmptyState title="none">Create one</EmptyState>
      </Panel>
    </>
  );
}
