package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestConfusionsOfPages(t *testing.T) {
	truth, read := t.TempDir(), t.TempDir()
	write := func(folder, name, text string) {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(truth, "a.txt", "សមូហភាព ១\nសមូហភាព\nកកាខ ក្ដ")
	write(read, "a.txt", "សមួហភាព ២ សមួហភាព\nកាខ ក្ត")
	write(truth, "b.txt", "កាលៈ កាខ ប្រាំ ប្រាំ")
	write(read, "b.txt", "កាលះ ក កាខ [បាំ [បាំ")
	write(truth, "c.txt", "ផហផហផហផ")
	write(read, "c.txt", "ជហជហផហផ")
	write(truth, "d.txt", "ចហចហឆហ")
	write(read, "d.txt", "ឆហឆហចហ")
	write(truth, "e.txt", "កភហកភហភ")
	write(read, "e.txt", "កហកហភ")
	write(read, "unknown.txt", "គ")
	var out strings.Builder
	if err := run([]string{"confusions", truth, read}, &out); err != nil {
		t.Fatal(err)
	}
	if want := "[ប\tប្រ\t1\nឆ\tច\t1\nជ\tផ\t1\nួ\tូ\t1\nច\tឆ\t0.333\nផ\tជ\t0.2\n\tភ\t0.0364\n"; out.String() != want {
		t.Errorf("got %q, want %q", out.String(), want)
	}
	if err := run([]string{"confusions", truth}, &out); err == nil {
		t.Error("a missing folder is no error")
	}
}
