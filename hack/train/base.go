package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/openplp/khocr/internal/scan"
)

// added are the characters that Debian's model of the Khmer script cannot write, of those that Cambodian documents have:
// letters of Pali and Sanskrit, marks, the riel, the Latin of French names, and one for what is no text. Subscripts are made of every
// letter.
const (
	letters = "កខគឃងចឆជឈញដឋឌឍណតថទធនបផពភមយរលវឝឞសហឡអឣឤឥឦឧឨឩឪឫឬឭឮឯឰឱឲឳ"
	others  = "ាិីឹឺុូួើឿៀេែៃោៅំះៈ៉៊់៌៍៎៏័៑។៕៖ៗ៘៙៚៛ៜ៝០១២៣៤៥៦៧៨៩" +
		"!\"#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`abcdefghijklmnopqrstuvwxyz{|}~" +
		"«»“”‘’–—…•°×÷½№ÀÄÂÇÈÉÊËÎÏÔÖÙÛÜàâäçèéêëîïôöùûüœñ" +
		scan.NoText
	subscriptMark = "\u17d2"
)

func baseCommand() *cobra.Command {
	var from, out string
	var width int
	command := &cobra.Command{
		Use:   "base",
		Short: "Make a network to begin with",
		Long: "Makes OUT/base.lstm of the network of a traineddata whose weights have 8 bits, OUT/base.traineddata with its characters, " +
			"and OUT/khocr.traineddata with those that the recogniser shall have.",
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error { return makeBase(from, out, width) },
	}
	command.Flags().StringVar(&from, "from", "/usr/share/tesseract-ocr/5/tessdata/Khmer.traineddata", "a traineddata with a recogniser of 8 bits")
	command.Flags().StringVar(&out, "out", "", "folder to write to")
	command.Flags().IntVar(&width, "width", 0, "outputs that its last LSTM shall have (0: as it is)")
	return command
}

func makeBase(from, out string, width int) error {
	if err := os.MkdirAll(out, 0o755); err != nil {
		return err
	}
	base := filepath.Join(out, "base.")
	if err := combine("-u", from, base); err != nil {
		return err
	}
	lstm, err := os.ReadFile(base + "lstm")
	if err != nil {
		return err
	}
	network, err := readFloat(lstm)
	if err != nil {
		return fmt.Errorf("convert %s: %w", from, err)
	}
	if width != 0 {
		if err := network.widen(width); err != nil {
			return fmt.Errorf("widen %s: %w", from, err)
		}
	}
	float := network.bytes()
	set, err := os.ReadFile(base + "lstm-unicharset")
	if err != nil {
		return err
	}
	larger, count, err := extend(string(set))
	if err != nil {
		return fmt.Errorf("extend the characters of %s: %w", from, err)
	}
	for name, content := range map[string][]byte{
		"base.lstm":             float,
		"khocr.lstm":            float, // without one there is no traineddata; the trainer does not look at it
		"khocr.lstm-unicharset": []byte(larger),
		"khocr.lstm-recoder":    recoder(count),
		"khocr.version":         []byte("khocr"),
	} {
		if err := os.WriteFile(filepath.Join(out, name), content, 0o644); err != nil {
			return err
		}
	}
	if err := combine(filepath.Join(out, "khocr.")); err != nil {
		return err
	}
	// The base without its word list, to carry over what its outputs mean.
	for _, name := range []string{"lstm-word-dawg", "lstm-punc-dawg", "lstm-number-dawg"} {
		if err := os.Remove(base + name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return combine(base)
}

func combine(arguments ...string) error {
	output, err := exec.Command("combine_tessdata", arguments...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("combine_tessdata %s: %w\n%s", strings.Join(arguments, " "), err, output)
	}
	return nil
}

// extend a unicharset file by the characters that it lacks. It returns how many it then has.
func extend(set string) (larger string, count int, err error) {
	lines := strings.Split(strings.TrimSuffix(set, "\n"), "\n")
	count, err = strconv.Atoi(lines[0])
	if err != nil || count != len(lines)-1 {
		return "", 0, fmt.Errorf("a unicharset of %q characters in %d lines", lines[0], len(lines)-1)
	}
	has := map[string]bool{}
	for _, line := range lines[1:] {
		character, _, _ := strings.Cut(line, " ")
		has[character] = true
	}
	var wanted []string
	for _, character := range letters {
		wanted = append(wanted, string(character), subscriptMark+string(character))
	}
	for _, character := range others {
		wanted = append(wanted, string(character))
	}
	for _, character := range wanted {
		if has[character] {
			continue
		}
		has[character] = true
		// Kind, where it stands on the line (anywhere), script, other case, direction, mirror, how it is written, all told by
		// its number: what the recogniser makes no use of.
		lines = append(lines, fmt.Sprintf("%s 1 0,255,0,255,0,0,0,0,0,0 Khmer %d 0 %d %s", character, count, count, character))
		count++
	}
	lines[0] = strconv.Itoa(count)
	return strings.Join(lines, "\n") + "\n", count, nil
}

// recoder gives each of the characters an output of its own.
func recoder(count int) []byte {
	out := binary.LittleEndian.AppendUint32(nil, uint32(count))
	for code := range count {
		// Whether it stands for itself, how many codes it has, and they.
		out = append(out, 1)
		out = binary.LittleEndian.AppendUint32(out, 1)
		out = binary.LittleEndian.AppendUint32(out, uint32(code))
	}
	return out
}
