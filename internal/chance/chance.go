// Package chance makes random choices of the input of a fuzzer, so that tests written for a random number generator can be
// led to what they have not tried. It is for tests only.
package chance

import "math/rand/v2"

// Source is a source of random numbers that gives the bytes of an input, and others of its own when they are spent.
type Source struct {
	input []byte
	after *rand.PCG
}

// New makes a generator of the input. A byte is a choice: what it says of one of up to 256 does not depend on others.
func New(input []byte) (*rand.Rand, *Source) {
	source := &Source{input: input, after: rand.NewPCG(uint64(len(input)), 1)}
	return rand.New(source), source
}

// Input is one to begin with, of so many bytes of chance: always the same for a seed and a stream.
func Input(seed, stream uint64, length int) []byte {
	random := rand.New(rand.NewPCG(seed, stream))
	input := make([]byte, length)
	for i := range input {
		input[i] = byte(random.Uint32())
	}
	return input
}

// Spent tells that the choices do not depend on the input any more.
func (s *Source) Spent() bool { return len(s.input) == 0 }

// Uint64 implements rand.Source.
func (s *Source) Uint64() uint64 {
	if s.Spent() {
		return s.after.Uint64()
	}
	next := uint64(s.input[0])
	s.input = s.input[1:]
	// The generator takes the upper half for some choices, and the lower one for others; of the upper half it refuses 0.
	return max(next*0x0101010101010101, 1<<32)
}
