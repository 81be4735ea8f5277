// Package offline reads the examples that cannot run here with parsers and schemas
// that the product itself does not need, in a module of its own for that reason.
package offline
