import { graphql } from "../graphql.ts";

export const KEY_VALUE = graphql(`
  query KeyValue($store: String!, $key: String!) {
    keyValue(store: $store, key: $key) {
      valueText
    }
  }
`);

export const SET_KEY = graphql(`
  mutation SetKeyValue($input: SetKeyValueInput!) {
    setKeyValue(input: $input) {
      keys
    }
  }
`);

export const DELETE_KEY = graphql(`
  mutation DeleteKeyValue($input: DeleteKeyValueInput!) {
    deleteKeyValue(input: $input) {
      deleted
    }
  }
`);

export const CREATE_STORE = graphql(`
  mutation CreateKeyValueStore($input: CreateKeyValueStoreInput!) {
    createKeyValueStore(input: $input) {
      created
    }
  }
`);

export const DELETE_STORE = graphql(`
  mutation DeleteKeyValueStore($input: DeleteKeyValueStoreInput!) {
    deleteKeyValueStore(input: $input) {
      deleted
    }
  }
`);
