package corpus

import (
	"bytes"
	"math/rand/v2"
	"regexp"
	"strconv"
)

func pick[T any](random *rand.Rand, from ...T) T { return from[random.IntN(len(from))] }

// odd numbers are those at which programs go wrong.
var odd = []string{
	"0", "1", "-1", "2", "7", "255", "256", "65535", "65536", "99999", "2147483647", "-2147483648", "4294967295", "4294967296",
	"9223372036854775807", "99999999999999999999", ".0000001", "-0.5", "1e9", "0.5", "3", "10", "20",
}

// number is a coordinate, seldom an odd one.
func number(random *rand.Rand) string {
	if random.IntN(12) == 0 {
		return pick(random, odd...)
	}
	return strconv.Itoa(random.IntN(900) - 100)
}

// oddBytes in big and little endian alike.
var oddBytes = []string{
	"\x00", "\xff", "\x7f", "\x80", "\x00\x00", "\xff\xff", "\x7f\xff", "\xff\x7f", "\x00\x01", "\x01\x00",
	"\x00\x00\x00\x00", "\xff\xff\xff\xff", "\x7f\xff\xff\xff", "\xff\xff\xff\x7f", "\x80\x00\x00\x00", "\x00\x00\x00\x80", "\x00\x01\x00\x00",
}

// spoil some bytes of data, more often few than many. The result is a copy.
func spoil(random *rand.Rand, data []byte) []byte {
	data = bytes.Clone(data)
	for range 1 + int(random.ExpFloat64()*4) {
		if len(data) == 0 {
			return data
		}
		at := random.IntN(len(data))
		end := min(len(data), at+1+int(random.ExpFloat64()*40))
		switch random.IntN(8) {
		case 0, 1:
			data[at] ^= 1 << random.IntN(8)
		case 2:
			data[at] = byte(random.Uint32())
		case 3:
			copy(data[at:], pick(random, oddBytes...))
		case 4:
			data = append(data[:at], data[end:]...)
		case 5:
			data = append(data[:at], append(bytes.Clone(data[at:end]), data[at:]...)...)
		case 6:
			// What stands elsewhere.
			from := random.IntN(len(data))
			copy(data[at:end], data[from:])
		case 7:
			for i := at; i < end; i++ {
				data[i] = byte(random.Uint32())
			}
		}
	}
	return data
}

var digits = regexp.MustCompile(`-?[0-9]+(\.[0-9]+)?`)

// renumber puts odd numbers in the place of some in a text.
func renumber(random *rand.Rand, text []byte) []byte {
	places := digits.FindAllIndex(text, -1)
	if len(places) == 0 {
		return text
	}
	for range 1 + random.IntN(3) {
		place := places[random.IntN(len(places))]
		if place[1] > len(text) {
			continue
		}
		text = append(bytes.Clone(text[:place[0]]), append([]byte(pick(random, odd...)), text[place[1]:]...)...)
	}
	return text
}
