/** A nominal type: values of the same shape with different brands do not mix. */
export type Brand<T, Name extends string> = T & { readonly __brand: Name };
