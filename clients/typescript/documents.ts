/**
 * The documents that the client sends. gql.tada derives their types from `schema.graphql`; nothing parses them here.
 */
import type { initGraphQLTada, TadaDocumentNode } from "gql.tada";
import type { introspection } from "../../graphql-env.d.ts";

type Tada = initGraphQLTada<{
  introspection: introspection;
  scalars: { DateTime: string; SafeInt: number; JSON: unknown };
}>;

/**
 * A query or mutation with the types of its answer and variables. The compiler takes it for a syntax tree, because
 * gql.tada has no other type; it is a text.
 */
export type Document<Data, Variables> = TadaDocumentNode<Data, Variables>;

export const graphql = ((text: string) => text) as unknown as Tada;

export const POST = graphql(`
  mutation Post($input: PostMessagesInput!) { postMessages(input: $input) { ids } }
`);

export const CLAIM = graphql(`
  mutation Claim($input: CreateClaimInput!) {
    createClaim(input: $input) {
      claim { id }
      messages { id bodyText headers { name value } claimCount createdAt expiresAt }
    }
  }
`);

export const RENEW = graphql(`
  mutation Renew($input: RenewClaimInput!) { renewClaim(input: $input) { claim { id } } }
`);

export const ACKNOWLEDGE = graphql(`
  mutation Acknowledge($input: DeleteMessagesInput!) { deleteMessages(input: $input) { deleted } }
`);

export const RELEASE_MESSAGES = graphql(`
  mutation ReleaseMessages($input: ReleaseMessagesInput!) { releaseMessages(input: $input) { released } }
`);

export const RELEASE_CLAIM = graphql(`
  mutation ReleaseClaim($input: ReleaseClaimInput!) { releaseClaim(input: $input) { claimId } }
`);
