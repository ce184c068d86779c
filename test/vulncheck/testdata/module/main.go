// Command module calls one function of the standard library.
package main

import "errors"

func main() { _ = errors.New("nothing") }
