package main

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"fmt"
	"html/template"
	"image"
	"image/draw"
	"image/png"
	"os"
	"slices"

	"github.com/openplp/khocr/internal/document"
	"github.com/openplp/khocr/internal/score"
)

const (
	// shown is how many lines of either kind a page to look at has.
	shown = 10
	// fewest characters that a line to look at has: a page's number is soon all wrong.
	fewest = 10
)

// readLine is a line of an image, beside the part of the truth that it stands for.
type readLine struct {
	Document    string
	Read, Truth string
	Confidence  float64
	Score       score.Errors
	path        string
	// box as parts of the image's width and height.
	box document.Box
}

// readLines are the lines of an image whose truth is known, of no other document. Boxes are those of the upright page, so a page that
// was turned has none to show.
func (r result) readLines() []readLine {
	if r.truth == nil || r.isBlank() || isPDF(r.path) || len(r.read) != 1 {
		return nil
	}
	page := r.read[0]
	if page.Rotation != 0 || page.Width <= 0 || page.Height <= 0 {
		return nil
	}
	texts := make([]string, len(page.Lines))
	for i, line := range page.Lines {
		texts[i] = line.Text
	}
	lines := make([]readLine, len(texts))
	for i, truth := range score.Parts(*r.truth, texts) {
		box := page.Lines[i].Box
		lines[i] = readLine{
			Document: r.name, Read: texts[i], Truth: truth, Confidence: page.Lines[i].Confidence,
			Score: score.Compare(truth, texts[i]).Characters, path: r.path,
			box: document.Box{box[0] / page.Width, box[1] / page.Height, box[2] / page.Width, box[3] / page.Height},
		}
	}
	return lines
}

// extremes of lines: those with the largest part of wrong characters, and of those without any the ones that were read with the
// least confidence.
func extremes(lines []readLine) (worst, right []readLine) {
	for _, line := range lines {
		switch {
		case line.Score.Length < fewest:
		case line.Score.Edits > 0:
			worst = append(worst, line)
		default:
			right = append(right, line)
		}
	}
	slices.SortStableFunc(worst, func(a, b readLine) int { return cmp.Compare(b.Score.Rate(), a.Score.Rate()) })
	slices.SortStableFunc(right, func(a, b readLine) int { return cmp.Compare(a.Confidence, b.Confidence) })
	return worst[:min(shown, len(worst))], right[:min(shown, len(right))]
}

// Strip of the image as a URL that holds it.
func (l readLine) Strip() (template.URL, error) {
	file, err := os.Open(l.path)
	if err != nil {
		return "", err
	}
	defer func() { _ = file.Close() }()
	page, _, err := image.Decode(file)
	if err != nil {
		return "", fmt.Errorf("decoding %s: %w", l.path, err)
	}
	width, height := float64(page.Bounds().Dx()), float64(page.Bounds().Dy())
	margin := (l.box[3] - l.box[1]) * height / 4
	strip := image.Rect(int(l.box[0]*width-margin), int(l.box[1]*height-margin), int(l.box[2]*width+margin), int(l.box[3]*height+margin))
	grey := image.NewGray(strip.Add(page.Bounds().Min).Intersect(page.Bounds()))
	if grey.Rect.Empty() {
		return "", nil
	}
	draw.Draw(grey, grey.Rect, page, grey.Rect.Min, draw.Src)
	var encoded bytes.Buffer
	if err := png.Encode(&encoded, grey); err != nil {
		return "", err
	}
	return template.URL("data:image/png;base64," + base64.StdEncoding.EncodeToString(encoded.Bytes())), nil //nolint:gosec // made here
}

var lookTemplate = template.Must(template.New("look").Parse(`<!doctype html>
<meta charset="utf-8">
<title>Lines as they were read</title>
<style>
body { font: 18px "Khmer OS", sans-serif; margin: 1em }
img { max-width: 100%; display: block }
p { margin: 0.2em 0 }
.truth { color: #060 }
small { color: #666 }
</style>
{{range .}}<h1>{{.Title}}</h1>
{{range .Lines}}<hr><small>{{.Document}}, {{.Score.Edits}} of {{.Score.Length}} wrong, confidence {{printf "%.0f" .Confidence}}</small>
<img src="{{.Strip}}" alt="">
<p>{{.Read}}<p class="truth">{{.Truth}}
{{end}}{{end}}`))

// writeLook writes a page that shows the extremes of lines beside what they were read as.
func writeLook(path string, lines []readLine) error {
	type section struct {
		Title string
		Lines []readLine
	}
	worst, right := extremes(lines)
	var page bytes.Buffer
	if err := lookTemplate.Execute(&page, []section{{"Most wrong", worst}, {"Right, with the least confidence", right}}); err != nil {
		return fmt.Errorf("drawing lines: %w", err)
	}
	return os.WriteFile(path, page.Bytes(), 0o644)
}
