package chance

import "testing"

func TestEveryChoiceCanBeMade(t *testing.T) {
	for _, n := range []int{2, 3, 8, 20, 100, 255, 256} {
		made := map[int]bool{}
		for first := range 256 {
			random, source := New([]byte{byte(first), 7})
			made[random.IntN(n)] = true
			if source.Spent() {
				t.Errorf("a choice of %d took more than a byte", n)
			}
		}
		if len(made) != n {
			t.Errorf("of %d there are %d", n, len(made))
		}
	}
}

func TestChoicesAreTheSameForTheSameInput(t *testing.T) {
	one, _ := New([]byte("input"))
	other, _ := New([]byte("input"))
	for range 20 {
		if a, b := one.IntN(1000), other.IntN(1000); a != b {
			t.Fatalf("%d and %d", a, b)
		}
	}
}
