import { graphql } from "../graphql.ts";

export const SET_BODY_RULE = graphql(`
  mutation SetBodyRule($input: SetBodyRuleInput!) {
    setBodyRule(input: $input) {
      bodyRule {
        at
      }
    }
  }
`);
