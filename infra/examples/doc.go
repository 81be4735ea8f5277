// Package examples holds a runnable folder for each way to embed the resource and
// for each consumer of its credentials. The package itself is their test:
//
//	go test -tags e2e ./infra/examples
//	go test -tags e2e -C infra/examples/offline ./...
//
// What can run here is deployed to the embedded AWS as it stands in its folder, used
// with the credentials that it handed out, updated, and destroyed. What cannot is
// read by a parser with a schema, in a module of its own. The commands and the SQL that
// README and the examples print are run as they are printed, under AWS's own names.
package examples
