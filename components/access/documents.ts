import { graphql } from "../graphql.ts";

export const CREATE_PERSON = graphql(`
  mutation CreatePerson($input: CreatePersonInput!) {
    createPerson(input: $input) {
      link {
        url
        expiresAt
      }
    }
  }
`);

export const CREATE_PERSON_LINK = graphql(`
  mutation CreatePersonLink($input: PersonInput!) {
    createPersonLink(input: $input) {
      link {
        url
        expiresAt
      }
    }
  }
`);

export const UPDATE_PERSON = graphql(`
  mutation UpdatePerson($input: UpdatePersonInput!) {
    updatePerson(input: $input) {
      person {
        id
      }
    }
  }
`);

export const DELETE_PERSON = graphql(`
  mutation DeletePerson($input: PersonInput!) {
    deletePerson(input: $input) {
      deleted
    }
  }
`);

export const END_SESSION = graphql(`
  mutation EndSession($input: EndSessionInput!) {
    endSession(input: $input) {
      ended
    }
  }
`);

export const END_SESSIONS = graphql(`
  mutation EndSessions($input: EndSessionsInput!) {
    endSessions(input: $input) {
      ended
    }
  }
`);

export const CREATE_TOKEN = graphql(`
  mutation CreateToken($input: CreateTokenInput!) {
    createToken(input: $input) {
      secret
    }
  }
`);

export const REVOKE_TOKEN = graphql(`
  mutation RevokeToken($input: RevokeTokenInput!) {
    revokeToken(input: $input) {
      token {
        name
      }
    }
  }
`);

export const SET_READ_ONLY = graphql(`
  mutation SetReadOnly($input: SetReadOnlyInput!) {
    setReadOnly(input: $input) {
      readOnly {
        at
      }
    }
  }
`);
