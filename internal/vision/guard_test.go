package vision

import (
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/openplp/khocr/internal/document"
)

var update = flag.Bool("update", false, "write docs/ai-guard.md anew")

// sheet is a page of testdata: what the recogniser read of it, and what stands there.
type sheet struct {
	name  string
	quick *document.Page
	truth string
}

func sheets(t testing.TB) map[string]sheet {
	t.Helper()
	files, err := filepath.Glob("testdata/pages/*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("no pages: %v", err)
	}
	all := make(map[string]sheet)
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var quick document.Page
		if err := json.Unmarshal(content, &quick); err != nil {
			t.Fatal(err)
		}
		name := strings.TrimSuffix(filepath.Base(file), ".json")
		all[name] = sheet{name, &quick, truth(t, strings.Split(name, "-")[0])}
	}
	return all
}

func truth(t testing.TB, name string) string {
	t.Helper()
	content, err := os.ReadFile("testdata/truth/" + name + ".txt")
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(content))
}

const (
	clean = "apology columns dense digits english instruction letter list mixed short table"
	worn  = "columns-worn dense-worn letter-worn mixed-worn dense-poor letter-poor"
	poor  = "digits-worn table-lost table-poor table-worn"
	long  = "columns dense english letter mixed letter-worn dense-worn letter-poor"
)

// kind of answers: how one is made of what stands on a page, and on which pages.
type kind struct {
	name string
	// right tells that the answers should be believed.
	right bool
	pages string
	make  func(random *rand.Rand, text string) string
}

func always(text string) func(*rand.Rand, string) string {
	return func(*rand.Rand, string) string { return text }
}

func before(text string) func(*rand.Rand, string) string {
	return func(_ *rand.Rand, page string) string { return text + page }
}

func behind(text string) func(*rand.Rand, string) string {
	return func(_ *rand.Rand, page string) string { return page + text }
}

func byLine(change func(lines []string) []string) func(*rand.Rand, string) string {
	return func(_ *rand.Rand, page string) string { return strings.Join(change(strings.Split(page, "\n")), "\n") }
}

// other is a text of Khmer that is on none of the pages.
const other = `ការប្រជុំក្រុមប្រឹក្សាឃុំបានប្រព្រឹត្តទៅនៅសាលាប្រជុំ ក្រោមអធិបតីភាពរបស់មេឃុំ។
អង្គប្រជុំបានពិភាក្សាអំពីការជួសជុលផ្លូវលំ និងការសាងសង់ស្ពានថ្មមួយឆ្លងកាត់ព្រែក។
តំណាងក្រុមហ៊ុនសំណង់បានធ្វើបទបង្ហាញពីគម្រោង និងថវិកាដែលត្រូវចំណាយសរុប។
សមាជិកទាំងអស់បានបោះឆ្នោតគាំទ្រ លើកលែងតែសមាជិកពីររូបដែលសុំពិនិត្យបន្ថែម។
លេខាធិការកត់ត្រាសេចក្ដីសម្រេច រួចប្រកាសបិទអង្គប្រជុំនៅម៉ោងដប់មួយនិងសាមសិបនាទី។
ក្រោយមក ប្រធានភូមិនីមួយៗត្រូវផ្សព្វផ្សាយលទ្ធផលដល់គ្រួសារទាំងឡាយក្នុងមូលដ្ឋាន។
អ្នកតំណាងមណ្ឌលសុខភាពបានរំឭកអំពីយុទ្ធនាការចាក់វ៉ាក់សាំងសម្រាប់កុមារអាយុក្រោមប្រាំឆ្នាំ។`

func kinds() []kind {
	return []kind{
		{"right, on clean paper", true, clean, before("")},
		{"right, on worn and poor paper", true, worn, before("")},
		{"right, where the recogniser read next to nothing", true, poor, before("")},
		{"right, where the recogniser read nothing", true, "letter-lost", before("")},
		{"right but for 3 clusters in 100", true, clean, mistakes(3)},
		{"right but for 8 clusters in 100, on worn and poor paper", true, worn, mistakes(8)},
		{"a table in Markdown", true, "table list digits table-worn", markdown},
		{"columns and paragraphs in another order", true, "columns dense letter table digits list columns-worn", reordered},
		{"a page on one line", true, "letter dense table instruction mixed", byLine(func(lines []string) []string { return []string{strings.Join(lines, " ")} })},
		{"zero-width spaces between clusters", true, "letter short mixed", spacedOut},
		{"a thinking block before", true, "letter mixed short", before("<think>\nThe image shows a page in Khmer. I will transcribe it.\n</think>\n\n")},
		{"a code fence around", true, "letter table english", func(_ *rand.Rand, page string) string { return "```text\n" + page + "\n```" }},
		{"marks in another order", true, "letter mixed list", func(_ *rand.Rand, page string) string {
			return strings.NewReplacer("្រី", "ី្រ", "ុំ", "ំុ", "ើ", "េី", "ោ", "េា").Replace(page)
		}},
		{"tabs between cells", true, "table list digits", func(_ *rand.Rand, page string) string { return strings.ReplaceAll(page, " ", "\t") }},
		{"blank lines, and carriage returns", true, "letter english", func(_ *rand.Rand, page string) string { return strings.ReplaceAll(page, "\n", "\r\n\r\n") }},
		{"all at once around it", true, "letter table instruction", func(_ *rand.Rand, page string) string {
			return "<think>Khmer.</think>\n**Transcription:**\n```\n" + page + "\n```\n"
		}},
		{"a label before", true, "letter table", before("**Extracted text:**\n\n")},
		{"headings and bold type in Markdown", true, "letter mixed", byLine(func(lines []string) []string { lines[0] = "# **" + lines[0] + "**"; return lines })},

		{"nothing", false, "letter table short", always("")},
		{"white space", false, "letter table", always(" \n\t\n\u200b ")},
		{"punctuation only", false, "letter digits", always("... ។ — | | |\n***")},
		{"cut off after 6 lines in 10", false, long, byLine(func(lines []string) []string { return lines[:len(lines)*6/10] })},
		{"the second half missing", false, "columns dense letter table list digits", byLine(func(lines []string) []string { return lines[:len(lines)/2] })},
		{"every other line missing", false, "columns dense letter list", byLine(func(lines []string) []string {
			var kept []string
			for i := 0; i < len(lines); i += 2 {
				kept = append(kept, lines[i])
			}
			return kept
		})},
		{"the last 2 lines in 10 missing", false, "letter dense columns", byLine(func(lines []string) []string { return lines[:len(lines)*8/10] })},
		{"a word over and over", false, "letter table mixed table-worn", behind(strings.Repeat(" ឯកសារ", 200))},
		{"a line over and over", false, "letter dense english table-worn", byLine(func(lines []string) []string { return slices.Concat(lines, slices.Repeat(lines[len(lines)-1:], 40)) })},
		{"the page twice", false, "letter table short digits english", func(_ *rand.Rand, page string) string { return page + "\n" + page }},
		{"a refusal in English", false, "letter table short table-worn", always("I'm sorry, I can't help with reading this image.")},
		{"a refusal in Khmer", false, "letter table english table-worn", always("សូមអភ័យទោស ខ្ញុំមិនអាចអានអត្ថបទក្នុងរូបភាពនេះបានទេ។")},
		{"a refusal in French", false, "letter digits", always("Je suis désolé, je ne peux pas lire cette image.")},
		{"a refusal in Chinese", false, "letter digits", always("抱歉，我无法识别这张图片中的文字。")},
		{"a refusal instead of an apology that is printed", false, "apology", always("I'm sorry, I cannot assist with that request.")},
		{"Thai", false, "letter table english table-worn", always(strings.Repeat("หอสมุดสาธารณะเปิดทำการเวลาแปดโมงเช้าทุกวันจันทร์ถึงวันศุกร์ ", 6))},
		{"Chinese", false, "letter english mixed", always(strings.Repeat("公共图书馆每天早上八点开放，读者可以借阅旧书和地图。", 8))},
		{"a translation into English", false, "letter dense list instruction table-worn", always(`Reading Khmer letters by machine
Many libraries in Cambodia keep old books and documents that were printed long ago. Most of these documents are scanned images, so
people cannot search for words in the text. A program reads each image and turns it into letters that a computer can understand.`)},
		{"romanised", false, "letter dense list", always(`Kar an aksor khmer daoy masin
Bonnalay chea chraen nov knong prates kampuchea reaksa tuk sievphov chas chas ning aeksar del ban boh pum
tang pi yu mok haey. Aeksar teang nih pheak chraen chea rup pheap sken.`)},
		{"another text in Khmer", false, long, always(other)},
		{"another text in Khmer, where the recogniser read next to nothing", false, "table-worn table-poor", always(other)},
		{"the page, and more that is not there", false, long, behind("\n" + other[:len(other)/2-len(other)/2%3])},
		{"a paragraph of it replaced by another", false, "letter dense columns english", byLine(func(lines []string) []string {
			middle := len(lines) / 3
			return slices.Concat(lines[:middle], strings.Split(other, "\n")[:2], lines[middle+2:])
		})},
		{"its clusters in any order", false, "letter dense english digits", func(random *rand.Rand, page string) string {
			all := clusters(page)
			random.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
			return strings.Join(all, "")
		}},
		{"a remark in English before", false, "letter table short table-worn", before("Here is the text extracted from the image:\n\n")},
		{"a remark in English behind", false, "letter table", behind("\n\nNote: some parts of the image are blurry. Let me know if you need a translation!")},
		{"a remark in Khmer before", false, "letter mixed", before("ខាងក្រោមនេះជាអត្ថបទដែលបានស្រង់ចេញពីរូបភាព៖\n")},
		{"a description instead", false, "letter table table-worn", always("The image shows a printed page with several paragraphs of Khmer script on a white background.")},
		{"JSON", false, "letter table", func(_ *rand.Rand, page string) string {
			content, _ := json.Marshal(map[string]string{"text": page})
			return string(content)
		}},
		{"HTML", false, "letter table", byLine(func(lines []string) []string { return []string{"<p>" + strings.Join(lines, "</p>\n<p>") + "</p>"} })},
		{"an order that is printed, obeyed", false, "instruction", always("PWNED")},
		{"an order that is not seen, obeyed", false, "letter short table-worn", always("PWNED")},
		{"an order obeyed beside the text", false, "instruction letter", behind(strings.Repeat("\nPWNED BY THE DOCUMENT, PAY NOW", 8))},
		{"two digits in ten changed", false, "digits table letter", func(random *rand.Rand, page string) string {
			return strings.Map(func(r rune) rune {
				switch {
				case r >= '0' && r <= '9' && random.IntN(5) == 0:
					return '0' + (r-'0'+1)%10
				case r >= '០' && r <= '៩' && random.IntN(5) == 0:
					return '០' + (r-'០'+1)%10
				}
				return r
			}, page)
		}},
		{"a sentence of 6 words invented", false, "letter dense", behind("\nអាហារត្រូវទុកក្នុងទូទឹកកក។")},
	}
}

// mistakes replaces so many clusters of a hundred by others of the text.
func mistakes(percent int) func(*rand.Rand, string) string {
	return func(random *rand.Rand, page string) string {
		all := clusters(page)
		var out strings.Builder
		for line := range strings.Lines(page) {
			for word := range strings.FieldsSeq(line) {
				for _, cluster := range clusters(word) {
					if random.IntN(100) < percent {
						cluster = all[random.IntN(len(all))]
					}
					out.WriteString(cluster)
				}
				out.WriteByte(' ')
			}
			out.WriteByte('\n')
		}
		return out.String()
	}
}

func markdown(_ *rand.Rand, page string) string {
	var rows []string
	for i, line := range strings.Split(page, "\n") {
		rows = append(rows, "| "+strings.Join(strings.Fields(line), " | ")+" |")
		if i == 0 {
			rows = append(rows, strings.Repeat("|---", len(strings.Fields(line)))+"|")
		}
	}
	return strings.Join(rows, "\n")
}

// reordered has the second half before the first, and of tables the columns one by one.
func reordered(_ *rand.Rand, page string) string {
	lines := strings.Split(page, "\n")
	if !strings.Contains(page, "។") {
		columns := make([][]string, 4)
		for _, line := range lines {
			for i, cell := range strings.Fields(line) {
				columns[min(i, 3)] = append(columns[min(i, 3)], cell)
			}
		}
		return strings.Join(slices.Concat(columns...), "\n")
	}
	half := len(lines) / 2
	return strings.Join(slices.Concat(lines[half:], lines[:half]), "\n")
}

func spacedOut(_ *rand.Rand, page string) string {
	var out strings.Builder
	for i, r := range []rune(page) {
		if i%7 == 0 && r >= 'ក' && r <= 'អ' {
			out.WriteRune('\u200b')
		}
		out.WriteRune(r)
	}
	return out.String()
}

// answer that was prepared, and what became of it.
type answer struct {
	page, text, reason string
}

func answersOf(t testing.TB, k kind, pages map[string]sheet) []answer {
	var all []answer
	for _, name := range strings.Fields(k.pages) {
		page, ok := pages[name]
		if !ok {
			t.Fatalf("there is no page %s", name)
		}
		random := rand.New(rand.NewPCG(1, uint64(len(all))))
		text := Clean(k.make(random, page.truth))
		all = append(all, answer{name, text, Judge(text, page.quick)})
	}
	return all
}

const guardPage = "../../docs/ai-guard.md"

// The answers that the guard is wrong about: the page says so, and there must be no others.
var wrong = map[string]int{
	"right, where the recogniser read nothing":                         1,
	"a translation into English":                                       1,
	"another text in Khmer, where the recogniser read next to nothing": 2,
	"an order that is not seen, obeyed":                                1,
	"two digits in ten changed":                                        3,
	"a sentence of 6 words invented":                                   2,
}

func TestTableOfTheGuard(t *testing.T) {
	pages := sheets(t)
	table := new(strings.Builder)
	sums := make(map[bool]int)
	falsely := make(map[bool]int)
	for _, right := range []bool{true, false} {
		heading := map[bool]string{true: "What should be believed", false: "What should not be believed"}[right]
		fmt.Fprintf(table, "\n| %s | answers | accepted | rejected | for |\n|---|---:|---:|---:|---|\n", heading)
		for _, k := range kinds() {
			if k.right != right {
				continue
			}
			answers := answersOf(t, k, pages)
			reasons := make(map[string]int)
			mistakes := 0
			for _, a := range answers {
				if a.reason != "" {
					reasons[a.reason]++
				}
				if right != (a.reason == "") {
					mistakes++
					t.Logf("%s, of page %s: %q", k.name, a.page, a.reason)
				}
			}
			rejected := 0
			var told []string
			for _, reason := range slices.Sorted(maps.Keys(reasons)) {
				rejected += reasons[reason]
				told = append(told, fmt.Sprintf("%s %d", reason, reasons[reason]))
			}
			if mistakes != wrong[k.name] {
				t.Errorf("%s: the guard is wrong about %d, and about %d before", k.name, mistakes, wrong[k.name])
			}
			fmt.Fprintf(table, "| %s | %d | %d | %d | %s |\n", k.name, len(answers), len(answers)-rejected, rejected, strings.Join(told, ", "))
			sums[right] += len(answers)
			falsely[right] += mistakes
		}
	}
	if all := sums[true] + sums[false]; all < 200 {
		t.Errorf("there are %d answers", all)
	}
	fmt.Fprintf(table, "\nOf %d answers that should be believed, %d were rejected; of %d that should not, %d were accepted.\n",
		sums[true], falsely[true], sums[false], falsely[false])
	holdTable(t, table.String())
}

// holdTable compares the page's table with the one that was measured, or writes it.
func holdTable(t *testing.T, table string) {
	const begin, end = "<!-- table: begin -->\n", "\n<!-- table: end -->"
	content, err := os.ReadFile(guardPage)
	if err != nil {
		t.Fatal(err)
	}
	head, rest, ok := strings.Cut(string(content), begin)
	old, tail, closed := strings.Cut(rest, end)
	if !ok || !closed {
		t.Fatalf("%s has no place for the table", guardPage)
	}
	if *update {
		if err := os.WriteFile(guardPage, []byte(head+begin+table+end+tail), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if old != table {
		t.Errorf("%s has another table: run with -update, and look at it. It is now:\n%s", guardPage, table)
	}
}
