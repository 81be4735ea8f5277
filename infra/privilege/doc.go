// Package privilege proves what the product may do and what it may not. It holds
// nothing but tests, which need the embedded AWS:
//
//	go test -tags e2e ./infra/privilege
//
//	minimal     without any one action of the provider's role, its life cycle fails; without one of the
//	            rotation's, a rotation fails, and a call of it is refused, as the simulator reads the policies
//	sufficient  with them, all of it passes, under every option
//	escalation  what the two roles must not do, and cannot; who may rotate, and no more
//	user        what the user may do, by access level, place and state of the key
//	boundary    what the permissions boundary keeps from the user, whoever grants it
//	full        what it keeps from a user of Access Full, and from a session made from a key
//	nag         AwsSolutions on the template and on what a resource made
//
// The policies are those of the synthesized template and of package spec, not
// copies. Requests go to two evaluators that share no code: the embedded AWS, which
// answers them, and an offline simulator, which reads the policies. A disagreement
// fails the test, so that neither's mistakes go unnoticed.
package privilege
