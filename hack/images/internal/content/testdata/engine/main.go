// Command engine stands for the real one, which takes minutes to build: a program that loads libraries of Debian.
package main

// #include <math.h>
// #cgo LDFLAGS: -lm
import "C"

func main() { println(C.cos(1)) }
