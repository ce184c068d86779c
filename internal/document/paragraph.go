package document

import (
	"cmp"
	"math"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// paragraph is text that flows, as the docx format has it.
type paragraph struct {
	text string
	// size of the type in points; 0 where it is not known.
	size float64
	// heading is 1 or 2 for a heading of that level, 0 for other text.
	heading int
	// align is center or right, or empty for left.
	align string
	// indent of the first line in points.
	indent float64
}

// The measures by which lines become paragraphs. They are coarse on purpose: boxes of recognised Khmer lines grow and
// shrink with the signs above and below the letters.
const (
	// A paragraph set in a size at least this many times the page's body size is a heading of that level.
	headingOneRatio = 1.6
	headingTwoRatio = 1.25
	// A heading is no longer than this many characters; larger type beyond it is just large.
	headingMaxLength = 200
	// Sizes closer to the page's body size than this share are the body size: estimates scatter.
	bodySizeTolerance = 0.15
	// A line that ends this share of the column's width before the column's right edge is the last of its paragraph.
	shortLine = 0.2
	// A line that starts this share of the column's width to the right of the one above starts a paragraph.
	indent = 0.02
	// A line that starts this share of it to the left of the one above starts one, too: no first line is indented as far.
	outdent = 0.25
	// A line this many times the usual distance below the one above starts a paragraph.
	wideGap = 1.4
	// Aligned lines are off by at most this share of the width of the page's text.
	edgeTolerance = 0.03
	// One of several centred lines is indented by more than this share: lines that fill the width are not centred ones.
	centerIndent = 0.1
)

// paragraphs of the page. A column of lines, each below the one before and overlapping it sideways, is cut where the
// lines' Paragraph changes, and where a line starts with a list marker, is indented against the one above or set far to
// its left, or comes after a short line or a wide gap: numbers that agree prove little, since Tesseract gives whole pages
// of Khmer one. Sizes cut only lines without numbers, since those of recognised lines scatter: Latin among Khmer is
// measured at 7 of 12 points. A line whose place is not known is a paragraph of its own.
func paragraphs(page *Page) []paragraph {
	if len(page.Lines) == 0 {
		return unplaced(page.Text)
	}
	left, right := edges(page.Lines)
	body := medianSize(page.Lines)
	titlePage := symmetrical(page.Lines, left, right) && indented(page.Lines, left, right)
	var found []paragraph
	for _, lines := range groups(page.Lines) {
		p := paragraph{text: join(lines), size: medianSize(lines)}
		switch {
		case lines[0].Box.IsZero():
		case symmetrical(lines, left, right) && (titlePage || indented(lines, left, right)):
			p.align = "center"
		case len(lines) == 1 && lines[0].Box[0] > (left+right)/2 && lines[0].Box[2] > right-edgeTolerance*(right-left):
			p.align = "right"
		case len(lines) > 1 && lines[0].Box[0] > lines[1].Box[0]+indent*(right-left):
			p.indent = lines[0].Box[0] - lines[1].Box[0]
		}
		if strings.TrimSpace(p.text) == "" {
			continue
		}
		if body > 0 && math.Abs(p.size/body-1) <= bodySizeTolerance {
			p.size = body
		}
		if utf8.RuneCountInString(p.text) <= headingMaxLength && body > 0 {
			switch {
			case p.size >= body*headingOneRatio:
				p.heading = 1
			case p.size >= body*headingTwoRatio:
				p.heading = 2
			}
		}
		found = append(found, p)
	}
	return found
}

// unplaced makes a paragraph of each line of text of which nothing but the text is known.
func unplaced(text string) []paragraph {
	var found []paragraph
	for line := range strings.Lines(plainText(text)) {
		if line = strings.TrimSpace(spaced(line)); line != "" {
			found = append(found, paragraph{text: line})
		}
	}
	return found
}

// groups cuts lines into those of one paragraph each.
func groups(lines []Line) [][]Line {
	var found [][]Line
	for _, column := range columns(lines) {
		found = append(found, column.paragraphs...)
	}
	return found
}

// columns cuts lines where one is not below the one before, or has no part of the width in common with it. Lines whose place
// is not known stay with those before them.
func columns(lines []Line) []column {
	var found []column
	start, above := 0, -1 // above is the last line of the column that has a place
	for i, below := range lines {
		if below.Box.IsZero() {
			continue
		}
		if above >= 0 && !follows(lines[above], below) {
			found = append(found, column{lines[start:i], cut(lines[start:i])})
			start = i
		}
		above = i
	}
	if start < len(lines) {
		found = append(found, column{lines[start:], cut(lines[start:])})
	}
	return found
}

// follows is whether a line stands below another in its column.
func follows(above, below Line) bool {
	return below.Box[1] > middle(above) && below.Box[0] < above.Box[2] && above.Box[0] < below.Box[2]
}

// cut parts a column into the lines of one paragraph each.
func cut(column []Line) [][]Line {
	var found [][]Line
	left, right := edges(column)
	width, pitch := right-left, usualPitch(column)
	start := 0
	for i := 1; i < len(column); i++ {
		if !continues(column[i-1], column[i], right, width, pitch) {
			found = append(found, column[start:i])
			start = i
		}
	}
	return append(found, column[start:])
}

var listMarker = regexp.MustCompile(`^([-–—•▪●*]|[\p{Nd}]{1,3}[.)\]]|[(\[]?[\p{Nd}\pL]{1,2}[)\]])\s`)

// continues is whether a line goes on with the paragraph of the line above, in a column with that right edge and width
// and that usual distance of lines.
func continues(above, below Line, right, width, pitch float64) bool {
	switch {
	case above.Box.IsZero() || below.Box.IsZero(),
		above.Paragraph != below.Paragraph,
		above.Paragraph == 0 && !sameSize(above, below),
		listMarker.MatchString(below.Text),
		above.Box[2] < right-shortLine*width,
		below.Box[0] > above.Box[0]+indent*width,
		below.Box[0] < above.Box[0]-outdent*width,
		middle(below)-middle(above) > wideGap*pitch:
		return false
	}
	return true
}

// sameSize is also true of sizes that are not known.
func sameSize(a, b Line) bool {
	return a.FontSize == 0 || b.FontSize == 0 ||
		max(a.FontSize, b.FontSize) < headingTwoRatio*min(a.FontSize, b.FontSize)
}

// join makes one text of lines. A space stands between two lines unless Khmer goes on with Khmer, which is written
// without spaces, or a hyphen joins them; a line that ended in a space keeps it.
func join(lines []Line) string {
	var text strings.Builder
	for _, line := range lines {
		next := spaced(line.Text)
		if text.Len() > 0 {
			if needsSpace(text.String(), next) {
				next = " " + next
			}
		}
		text.WriteString(next)
	}
	return strings.TrimSpace(text.String())
}

func needsSpace(before, after string) bool {
	last, _ := utf8.DecodeLastRuneInString(strings.TrimRight(before, "\u200b"))
	first, _ := utf8.DecodeRuneInString(strings.TrimLeft(after, "\u200b"))
	switch {
	case unicode.IsSpace(last) || unicode.IsSpace(first) || last == '-':
		return false
	case strings.ContainsRune("។៕៖ៗ", last):
		return true
	}
	return !unicode.Is(unicode.Khmer, last) || !unicode.Is(unicode.Khmer, first)
}

// symmetrical is whether each of the lines that have a place stands in the middle between left and right.
func symmetrical(lines []Line, left, right float64) bool {
	return !slices.ContainsFunc(lines, func(line Line) bool {
		return !line.Box.IsZero() && math.Abs(line.Box[0]-left-(right-line.Box[2]))/2 > edgeTolerance*(right-left)
	})
}

// indented is whether one of the lines starts clearly to the right of left.
func indented(lines []Line, left, right float64) bool {
	return slices.ContainsFunc(lines, func(line Line) bool {
		return !line.Box.IsZero() && line.Box[0]-left > centerIndent*(right-left)
	})
}

func middle(line Line) float64 { return (line.Box[1] + line.Box[3]) / 2 }

func edges(lines []Line) (left, right float64) {
	box := around(lines)
	return box[0], box[2]
}

// usualPitch is the median distance from a line of the column to the next.
func usualPitch(column []Line) float64 {
	pitches := make([]float64, 0, len(column))
	for i := 1; i < len(column); i++ {
		if !column[i].Box.IsZero() && !column[i-1].Box.IsZero() {
			pitches = append(pitches, middle(column[i])-middle(column[i-1]))
		}
	}
	if len(pitches) == 0 {
		return 0
	}
	slices.Sort(pitches)
	// The lower median: of two distances the smaller one is that within a paragraph.
	return pitches[(len(pitches)-1)/2]
}

// medianSize is the size that half of the characters do not exceed, of the lines whose size is known, in half points
// as word processors have them; 0 if it is known of none.
func medianSize(lines []Line) float64 {
	type sized struct {
		size  float64
		count int
	}
	var known []sized
	total := 0
	for _, line := range lines {
		if line.FontSize > 0 {
			count := utf8.RuneCountInString(line.Text)
			known = append(known, sized{line.FontSize, count})
			total += count
		}
	}
	slices.SortFunc(known, func(a, b sized) int { return cmp.Compare(a.size, b.size) })
	seen := 0
	for _, s := range known {
		if seen += s.count; 2*seen >= total {
			return math.Round(2*s.size) / 2
		}
	}
	return 0
}
