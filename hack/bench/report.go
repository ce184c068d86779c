package main

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/openplp/khocr/internal/score"
)

// report is what was measured over a folder.
type report struct {
	Data  string `json:"data"`
	Model string `json:"model"`
	Lines []line `json:"lines"`
	Sets  []sums `json:"sets"`
	All   sums   `json:"all"`
	// Reliability of the words that were recognised, by their confidence.
	Reliability []trust `json:"reliability"`
}

// line is about a page, or about a whole document where Page is 0. A page that was not read has no source.
type line struct {
	Set          string  `json:"set"`
	Document     string  `json:"document"`
	Page         int     `json:"page,omitempty"`
	Source       string  `json:"source,omitempty"`
	Reason       string  `json:"reason,omitempty"`
	CPUSeconds   float64 `json:"cpu_seconds"`
	PeakMemoryMB float64 `json:"peak_memory_mb"`
	// Score is nil where there is no truth, or an empty one.
	Score *rates `json:"score,omitempty"`
	// Invented counts the characters that were read where the truth is empty; nil elsewhere.
	Invented *int `json:"invented_characters,omitempty"`
	// Refused says why the document could not be read.
	Refused string `json:"refused,omitempty"`
}

// sums is about several lines.
type sums struct {
	Set string `json:"set,omitempty"`
	// Pages that were read, and Truths with text that something was compared with.
	Pages  int `json:"pages"`
	Truths int `json:"truths"`
	// CPUSeconds is the mean of a page, PeakMemoryMB the most of any.
	CPUSeconds   float64 `json:"cpu_seconds_per_page"`
	PeakMemoryMB float64 `json:"peak_memory_mb"`
	// Score is nil where there was no truth with text.
	Score *rates `json:"score,omitempty"`
	// Blank is about the pages with an empty truth; nil where there were none.
	Blank *blank `json:"blank,omitempty"`
	// Sources counts pages by their source and its reason.
	Sources map[string]int `json:"sources"`
}

// blank sums up pages on which there is nothing to read. MeanInvented and MostInvented count the characters that were read
// on one.
type blank struct {
	Pages        int     `json:"pages"`
	MeanInvented float64 `json:"mean_invented_characters"`
	MostInvented int     `json:"most_invented_characters"`
}

// compare the text with its truth, and note the outcome.
func (l *line) compare(truth, text string) {
	compared := score.Compare(truth, text)
	if compared.Characters.Length == 0 {
		l.Invented = &compared.Characters.Edits
	} else {
		l.Score = &rates{compared}
	}
}

// rates is a score as it is printed.
type rates struct{ score.Score }

func (r rates) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		CER           float64 `json:"cer_percent"`
		Edits         int     `json:"edits"`
		Length        int     `json:"length"`
		ClusterCER    float64 `json:"cluster_cer_percent"`
		ClusterEdits  int     `json:"cluster_edits"`
		ClusterLength int     `json:"cluster_length"`
	}{
		100 * r.Characters.Rate(), r.Characters.Edits, r.Characters.Length,
		100 * r.Clusters.Rate(), r.Clusters.Edits, r.Clusters.Length,
	})
}

// sum up the lines.
func (r *report) sum() {
	sets := make(map[string][]line)
	for _, line := range r.Lines {
		sets[line.Set] = append(sets[line.Set], line)
	}
	for _, set := range slices.Sorted(maps.Keys(sets)) {
		r.Sets = append(r.Sets, sumOf(set, sets[set]))
	}
	r.All = sumOf("", r.Lines)
}

func sumOf(set string, lines []line) sums {
	sum := sums{Set: set, Sources: make(map[string]int)}
	for _, line := range lines {
		sum.CPUSeconds += line.CPUSeconds
		sum.PeakMemoryMB = max(sum.PeakMemoryMB, line.PeakMemoryMB)
		if line.Source != "" {
			sum.Pages++
			sum.Sources[line.Source+" "+line.Reason]++
		}
		if line.Score != nil {
			if sum.Score == nil {
				sum.Score = new(rates)
			}
			sum.Truths++
			sum.Score.Add(line.Score.Score)
		}
		if line.Invented != nil {
			if sum.Blank == nil {
				sum.Blank = new(blank)
			}
			sum.Blank.Pages++
			sum.Blank.MeanInvented += float64(*line.Invented)
			sum.Blank.MostInvented = max(sum.Blank.MostInvented, *line.Invented)
		}
	}
	if sum.Blank != nil {
		sum.Blank.MeanInvented /= float64(sum.Blank.Pages)
	}
	sum.CPUSeconds /= float64(max(sum.Pages, 1))
	return sum
}

func (r *report) encode(w io.Writer) error {
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	return encoder.Encode(r)
}

func printHead(w io.Writer) {
	_, _ = fmt.Fprintf(w, "%-40s %5s %s %8s %8s  %s\n", "document", "page", headOfRates, "CPU s", "peak MB", "source")
}

func printLine(w io.Writer, line line) {
	page, what := "", line.Source+" "+line.Reason
	if line.Page > 0 {
		page = fmt.Sprint(line.Page)
	}
	switch {
	case line.Refused != "":
		what = line.Refused
	case line.Page == 0:
		what = "the whole document"
	case line.Source == "":
		what = "not read"
	}
	if line.Invented != nil {
		what += fmt.Sprintf(", %d characters where there are none", *line.Invented)
	}
	cost := fmt.Sprintf("%8s %8s", "", "")
	if line.Source != "" {
		cost = fmt.Sprintf("%8.2f %8.0f", line.CPUSeconds, line.PeakMemoryMB)
	}
	_, _ = fmt.Fprintf(w, "%-40s %5s %s %s  %s\n", line.Document, page, line.Score, cost, what)
}

// print the sums, and what is no part of them.
func (r *report) print(w io.Writer) {
	_, _ = fmt.Fprintf(w, "\n%-32s %6s %6s %s %8s %8s  %s\n", "set", "pages", "truths", headOfRates, "CPU s/p", "peak MB", "sources")
	for _, sum := range r.Sets {
		sum.print(w, sum.Set)
	}
	r.All.print(w, "ALL")
	if r.All.Blank != nil {
		_, _ = fmt.Fprintf(w, "\n%-32s %6s %12s %8s\n", "where there is no text", "pages", "characters/p", "most")
		for _, sum := range r.Sets {
			sum.Blank.print(w, sum.Set)
		}
		r.All.Blank.print(w, "ALL")
	}
	printReliability(w, r.Reliability)
}

func (b *blank) print(w io.Writer, name string) {
	if b != nil {
		_, _ = fmt.Fprintf(w, "%-32s %6d %12.1f %8d\n", name, b.Pages, b.MeanInvented, b.MostInvented)
	}
}

func (s sums) print(w io.Writer, name string) {
	var sources []string
	for _, source := range slices.Sorted(maps.Keys(s.Sources)) {
		sources = append(sources, fmt.Sprintf("%s %d", source, s.Sources[source]))
	}
	_, _ = fmt.Fprintf(w, "%-32s %6d %6d %s %8.3f %8.0f  %s\n",
		name, s.Pages, s.Truths, s.Score, s.CPUSeconds, s.PeakMemoryMB, strings.Join(sources, ", "))
}

const headOfRates = "  CER %  cluster %"

// String has the columns of headOfRates.
func (r *rates) String() string {
	if r == nil {
		return fmt.Sprintf("%7s %10s", "-", "-")
	}
	return fmt.Sprintf("%7.2f %10.2f", 100*r.Characters.Rate(), 100*r.Clusters.Rate())
}
