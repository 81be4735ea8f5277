// Command bare is the least that a function can be, against which the start of ours is measured.
package main

import "github.com/aws/aws-lambda-go/lambda"

func main() { lambda.Start(func() {}) }
