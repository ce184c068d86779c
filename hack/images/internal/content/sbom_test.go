package content

import (
	"bytes"
	"crypto/sha256"
	"debug/buildinfo"
	"encoding/hex"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"strings"
	"testing"

	cdx "github.com/CycloneDX/cyclonedx-go"
)

// stage lays out an image whose programs are small ones, and decodes what it says of itself.
func stage(t *testing.T, name string) (Image, *cdx.BOM) {
	t.Helper()
	for _, needed := range []string{"gcc", "dpkg-query"} {
		if _, err := exec.LookPath(needed); err != nil {
			t.Skipf("%s is not installed", needed)
		}
	}
	if _, err := os.Stat(debianTessdata + "/Khmer.traineddata"); err != nil {
		t.Skip("Tesseract's trained data is not installed")
	}
	place := Place{Bin: t.TempDir(), Checkout: "../../../.."}
	for program, source := range map[string]string{name: "../../samples", "engine": "./testdata/engine"} {
		output, err := exec.Command("go", "build", "-o", filepath.Join(place.Bin, program), source).CombinedOutput()
		if err != nil {
			t.Fatalf("building %s: %v\n%s", program, err, output)
		}
	}
	image, err := Of(name, place)
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range image.Files() {
		if file.Target == materials {
			bom := new(cdx.BOM)
			if err := cdx.NewBOMDecoder(bytes.NewReader(file.Data), cdx.BOMFileFormatJSON).Decode(bom); err != nil {
				t.Fatal(err)
			}
			return image, bom
		}
	}
	t.Fatalf("the image has no %s", materials)
	return Image{}, nil
}

// walk visits all components, with the one that each is part of.
func walk(components *[]cdx.Component, parent *cdx.Component, visit func(component, parent *cdx.Component)) {
	if components == nil {
		return
	}
	for i := range *components {
		component := &(*components)[i]
		visit(component, parent)
		walk(component.Components, component, visit)
	}
}

func TestTheBillOfMaterialsListsEveryFileOfTheImageAndNoOther(t *testing.T) {
	for _, name := range []string{"manager", "samples", "worker"} {
		t.Run(name, func(t *testing.T) {
			image, bom := stage(t, name)
			digests := map[string]string{}
			walk(bom.Components, nil, func(component, _ *cdx.Component) {
				if component.Hashes == nil {
					return
				}
				if _, twice := digests[component.Name]; twice {
					t.Errorf("%s is listed twice", component.Name)
				}
				digests[component.Name] = (*component.Hashes)[0].Value
			})
			for _, file := range image.Files() {
				if file.Target == materials {
					continue
				}
				content, err := file.Content()
				if err != nil {
					t.Fatal(err)
				}
				digest := sha256.Sum256(content)
				if got := digests["/"+file.Target]; got != hex.EncodeToString(digest[:]) {
					t.Errorf("%s has digest %x, listed is %q", file.Target, digest, got)
				}
				delete(digests, "/"+file.Target)
			}
			for path := range digests {
				t.Errorf("%s is listed and not in the image", path)
			}
		})
	}
}

func TestTheBillOfMaterialsTellsWhereFilesComeFrom(t *testing.T) {
	image, bom := stage(t, "worker")
	parents, licences := map[string]*cdx.Component{}, map[string]string{}
	listed := map[string][]string{}
	walk(bom.Components, nil, func(component, parent *cdx.Component) {
		parents[component.Name] = parent
		if component.Licenses != nil {
			licences[component.Name] = (*component.Licenses)[0].License.ID
		}
		if component.Type == cdx.ComponentTypeApplication {
			walk(component.Components, component, func(module, _ *cdx.Component) {
				listed[component.Name] = append(listed[component.Name], module.Name+"@"+module.Version)
			})
		}
	})
	for _, program := range image.Programs {
		build, err := buildinfo.ReadFile(program.Source)
		if program.Target == materials {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		got := strings.Join(listed["/"+program.Target], " ")
		if want := "stdlib@" + strings.TrimPrefix(build.GoVersion, "go") + " " + build.Main.Path; !strings.HasPrefix(got, want) {
			t.Errorf("%s is made of %q, want %q first", program.Target, got, want)
		}
		for _, module := range build.Deps {
			if !strings.Contains(got, module.Path+"@"+module.Version) {
				t.Errorf("%s is made of %q, which lacks %s", program.Target, got, module.Path)
			}
		}
	}
	for _, file := range image.Base {
		path := "/" + file.Target
		if strings.HasSuffix(path, ".traineddata") && licences[path] != "Apache-2.0" {
			t.Errorf("%s has the licence %q", path, licences[path])
		}
		if !strings.HasPrefix(path, "/lib") && !strings.HasSuffix(path, "/eng.traineddata") {
			continue
		}
		from := parents[path]
		if from == nil {
			t.Errorf("%s comes from nowhere", path)
			continue
		}
		version, err := exec.Command("dpkg-query", "--show", "--showformat=${Version}", from.Name).Output()
		if err != nil || from.Version != string(version) {
			t.Errorf("%s comes from %s %s, installed is %s, %v", path, from.Name, from.Version, version, err)
		}
		if parents["/usr/share/doc/"+from.Name+"/copyright"] != from {
			t.Errorf("the image lacks the copyright notice of %s", from.Name)
		}
	}
}

func TestTheVersionOfMuPDFIsThatOfItsHeader(t *testing.T) {
	cache := t.TempDir()
	t.Setenv("GOMODCACHE", cache)
	folder := filepath.Join(cache, muPDFBinding+"@v1.0.0", "include/mupdf/fitz")
	if err := os.MkdirAll(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	build := &buildinfo.BuildInfo{Deps: []*debug.Module{{Path: muPDFBinding, Version: "v1.0.0"}}}
	if all, err := modules(build); err == nil {
		t.Errorf("without a header: got %+v, want an error", *all)
	}
	if err := os.WriteFile(filepath.Join(folder, "version.h"), []byte("#define FZ_VERSION \"9.8.7\"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	all, err := modules(build)
	if err != nil {
		t.Fatal(err)
	}
	found := ""
	walk(all, nil, func(component, _ *cdx.Component) {
		if component.Name == "MuPDF" {
			found = component.Version
		}
	})
	if found != "9.8.7" {
		t.Errorf("got MuPDF %q, want 9.8.7", found)
	}
}
