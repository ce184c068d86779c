// Package corpus makes documents that are broken or mean harm, has each of them read as a pod reads it, and holds what comes of
// it against what the platform promises: the supervisor lives, time and memory stay within their limits, every page without text
// has a reason and every refusal one too, and nothing is left behind. It is for tests only.
package corpus

import (
	"fmt"
	"iter"
	"math/rand/v2"
	"strings"
)

// Document is one file of the corpus.
type Document struct {
	// Kind groups documents in the report, Name tells one from all others of a corpus.
	Kind, Name string
	// Password that is handed in with it.
	Password string
	// Content makes the file, which takes memory and time where it is a bomb.
	Content func() []byte `json:"-"`
}

// attack is a document that is made by hand.
type attack struct {
	name    string
	content func() []byte
	// password that is handed in with it.
	password string
}

// kind of documents. The first of its attacks stands for it where there is no time for all.
type kind struct {
	name    string
	attacks []attack
	// vary makes one more of the kind, and share is how many of 100 documents beyond the attacks it makes.
	vary  func(*rand.Rand) []byte
	share int
}

// Options say what a corpus is made of.
type Options struct {
	// Root of the repository, whose test documents are broken.
	Root string
	// Files is how many documents there are.
	Files int
	// Seed of those that are made by chance: each is made of it and of its number alone.
	Seed uint64
	// Short leaves out all attacks but one of each kind.
	Short bool
	// Only makes those whose name begins so; the others are counted, but not made.
	Only string
}

// Make the documents, one after the other. It fails where the repository's test documents cannot be read.
func Make(options Options) (iter.Seq[Document], error) {
	good, err := readGood(options.Root)
	if err != nil {
		return nil, err
	}
	kinds := allKinds(good)
	return func(yield func(Document) bool) {
		made := 0
		// give hands out a document that is wanted, and tells whether to go on.
		give := func(kind kind, name, password string, content func() []byte) bool {
			if made == options.Files {
				return false
			}
			made++
			name = kind.name + "/" + name
			return !strings.HasPrefix(name, options.Only) || yield(Document{kind.name, name, password, content})
		}
		for _, kind := range kinds {
			for i, attack := range kind.attacks {
				if options.Short && i > 0 {
					break
				}
				if !give(kind, attack.name, attack.password, attack.content) {
					return
				}
			}
		}
		for n := 0; ; n++ {
			random := rand.New(rand.NewPCG(options.Seed, uint64(n)))
			kind := draw(kinds, random)
			if !give(kind, fmt.Sprintf("%d-%d", options.Seed, n), "", func() []byte { return kind.vary(random) }) {
				return
			}
		}
	}, nil
}

// draw a kind by the shares.
func draw(kinds []kind, random *rand.Rand) kind {
	sum := 0
	for _, kind := range kinds {
		sum += kind.share
	}
	at := random.IntN(sum)
	for _, kind := range kinds {
		if at -= kind.share; at < 0 {
			return kind
		}
	}
	panic("shares do not add up")
}

func allKinds(good good) []kind {
	return []kind{
		{name: "page size", attacks: sizeAttacks()},
		{name: "page count and tree", attacks: treeAttacks()},
		{name: "recursion", attacks: recursionAttacks(good)},
		{name: "compression bomb", attacks: bombAttacks()},
		{name: "content stream", attacks: contentAttacks(good), vary: randomContent, share: 8},
		{name: "table of objects", attacks: xrefAttacks()},
		{name: "encryption", attacks: encryptionAttacks(good)},
		{name: "font", attacks: fontAttacks(), vary: randomFont, share: 10},
		{name: "image in a PDF", attacks: imageAttacks(good), vary: good.randomImage, share: 14},
		{name: "PNG file", attacks: pngAttacks(good), vary: good.randomPNG, share: 7},
		{name: "JPEG file", attacks: jpegAttacks(good), vary: good.randomJPEG, share: 7},
		{name: "TIFF file", attacks: tiffAttacks(good), vary: good.randomTIFF, share: 8},
		{name: "other and several formats", attacks: formatAttacks(good)},
		{name: "truncated", attacks: cutAttacks(good), vary: good.randomCut, share: 6},
		{name: "bytes of a PDF changed", vary: good.randomBytes, share: 20},
		{name: "structure of a PDF changed", vary: good.randomStructure, share: 20},
	}
}
