package main

import "github.com/openplp/khocr/client"

// What the program says by itself. Texts of the platform come in both languages from there.
var (
	sayMisuse = text{"%s\n%s --help tells what there is", "ពាក្យបញ្ជាមិនត្រឹមត្រូវ៖ %s\nសូមវាយ %s --help ដើម្បីមើលរបៀបប្រើ"}

	sayNoServer    = text{"no address of the platform: set KHOCR_URL, such as https://ocr.example.com, or give --server", "គ្មានអាសយដ្ឋានរបស់ប្រព័ន្ធ៖ សូមកំណត់ KHOCR_URL ដូចជា https://ocr.example.com ឬប្រើ --server"}
	sayBadServer   = text{"%s is no address: it must look like https://ocr.example.com", "%s មិនមែនជាអាសយដ្ឋានត្រឹមត្រូវទេ៖ ត្រូវមានទម្រង់ដូចជា https://ocr.example.com"}
	sayNoKey       = text{"no API key: set KHOCR_API_KEY, or name a file with it by --key-file or a Secret by --key-secret", "គ្មានកូដ API៖ សូមកំណត់ KHOCR_API_KEY ឬបញ្ជាក់ឯកសារដែលមានកូដតាម --key-file ឬ Secret តាម --key-secret"}
	sayBadKey      = text{"what %s holds is no API key: one begins with khocr_ and stands alone", "អ្វីដែលមានក្នុង %s មិនមែនជាកូដ API ទេ៖ កូដត្រូវចាប់ផ្តើមដោយ khocr_ ហើយនៅតែឯង"}
	sayUnreachable = text{"the platform cannot be reached: %s\nLook at the address and at the network, and run the command again", "មិនអាចភ្ជាប់ទៅប្រព័ន្ធបានទេ៖ %s\nសូមពិនិត្យអាសយដ្ឋាន និងបណ្តាញ រួចដំណើរការពាក្យបញ្ជានេះម្តងទៀត"}
	sayNotKhocr    = text{"what answers at this address does not answer as khocr does (status %d): look at the address", "អ្វីដែលឆ្លើយតបនៅអាសយដ្ឋាននេះមិនមែនជា khocr ទេ (ស្ថានភាព %d)៖ សូមពិនិត្យអាសយដ្ឋាន"}
	sayNotTrusted  = text{"the platform's certificate is not to be trusted: %s\nLook at the address, and whether this machine knows the authority that has signed it", "មិនអាចទុកចិត្តវិញ្ញាបនបត្ររបស់ប្រព័ន្ធបានទេ៖ %s\nសូមពិនិត្យអាសយដ្ឋាន និងថាតើម៉ាស៊ីននេះស្គាល់អាជ្ញាធរដែលបានចុះហត្ថលេខាឬទេ"}
	sayInterrupted = text{"interrupted", "ត្រូវបានផ្អាកពាក់កណ្តាល"}
	sayRequest     = text{" (request %s)", " (សំណើលេខ %s)"}

	sayTooLarge   = text{"%s is more than the %s that your plan takes: split the document, or scan it with fewer dots. It was not sent", "ទំហំ %s លើសពី %s ដែលគម្រោងសេវារបស់អ្នកអនុញ្ញាត៖ សូមបំបែកឯកសារ ឬស្កេនវាឱ្យមានគុណភាពទាបជាងនេះ។ ឯកសារនេះមិនត្រូវបានផ្ញើទេ"}
	sayOccupied   = text{"%s is there already: move it, or name another folder with --out", "%s មានរួចហើយ៖ សូមផ្លាស់ទីវា ឬជ្រើសរើសថតផ្សេងតាម --out"}
	sayJobFailed  = text{"job %s failed: %s\n%s", "ការងារ %s បានបរាជ័យ៖ %s\n%s"}
	sayTryAgain   = text{"Run the command again to try once more", "សូមដំណើរការពាក្យបញ្ជានេះម្តងទៀតដើម្បីព្យាយាមម្តងទៀត"}
	sayJobCancel  = text{"job %s was cancelled. Run the command again to convert the document", "ការងារ %s ត្រូវបានបោះបង់។ សូមដំណើរការពាក្យបញ្ជានេះម្តងទៀតដើម្បីបម្លែងឯកសារ"}
	sayJobEnded   = text{"job %s has ended already, as %s. khocr delete %[1]s removes it", "ការងារ %s បានបញ្ចប់រួចហើយ (%s)។ ប្រើ khocr delete %[1]s ដើម្បីលុបវា"}
	sayQuota      = text{"no pages are left of this month", "ចំនួនទំព័រសម្រាប់ខែនេះបានអស់ហើយ"}
	sayQuotaReset = text{"The month turns on %s", "ខែថ្មីចាប់ផ្តើមនៅថ្ងៃទី %s"}
	sayNothing    = text{"there is no PDF, PNG, JPEG or TIFF in what was named", "គ្មានឯកសារ PDF, PNG, JPEG ឬ TIFF ក្នុងអ្វីដែលបានបញ្ជាក់ទេ"}
	sayOneOnly    = text{"--out - takes one document, and there are %d", "--out - ទទួលបានតែឯកសារមួយ ប៉ុន្តែមាន %d"}
	sayNoFolder   = text{"--out names a folder, and %s is none", "--out ត្រូវជាថត ប៉ុន្តែ %s មិនមែនជាថតទេ"}
	saySameName   = text{"%s and %s would both become %s: give each a folder of its own with --out, or name a folder above both", "%s និង %s នឹងក្លាយជា %s ដូចគ្នា៖ សូមជ្រើសរើសថតផ្សេងគ្នាសម្រាប់ឯកសារនីមួយៗតាម --out ឬបញ្ជាក់ថតដែលផ្ទុកឯកសារទាំងពីរ"}
	sayTerminal   = text{"%s is not for a terminal: say with --out where it goes", "ទម្រង់ %s មិនអាចបង្ហាញលើអេក្រង់បានទេ៖ សូមបញ្ជាក់កន្លែងរក្សាទុកតាម --out"}
	sayNoSuspend  = text{"your organization is suspended: ask those who run the platform", "អង្គភាពរបស់អ្នកត្រូវបានផ្អាក៖ សូមសួរអ្នកគ្រប់គ្រងប្រព័ន្ធ"}

	sayUploading = text{"uploading", "កំពុងផ្ញើ"}
	sayAccepted  = text{"handed in as job %s", "បានដាក់ជាការងារ %s"}
	sayQueued    = text{"waiting", "កំពុងរង់ចាំ"}
	sayPosition  = text{"waiting, %d in line", "កំពុងរង់ចាំ លំដាប់ទី %d"}
	sayPages     = text{"page %d of %d", "ទំព័រ %d នៃ %d"}
	sayWorking   = text{"reading", "កំពុងអាន"}
	sayFetching  = text{"fetching", "កំពុងទាញយក"}
	sayAgain     = text{"%s; trying again in %s", "%s; នឹងព្យាយាមម្តងទៀតក្នុងរយៈពេល %s"}
	sayNoAnswer  = text{"no connection", "គ្មានការភ្ជាប់"}
	sayBusy      = text{"the platform is busy", "ប្រព័ន្ធកំពុងរវល់"}
	sayDone      = text{"done: %s", "រួចរាល់៖ %s"}
	sayKept      = text{"done before: %s", "រួចរាល់តាំងពីមុន៖ %s"}
	sayFailed    = text{"failed: %s", "បរាជ័យ៖ %s"}
	sayLeft      = text{"left for later", "ទុកសម្រាប់ពេលក្រោយ"}
	sayTotal     = text{"documents", "ឯកសារ"}
	saySummary   = text{"%d done, %d done before, %d failed, %d left", "រួចរាល់ %d, រួចរាល់តាំងពីមុន %d, បរាជ័យ %d, នៅសល់ %d"}
	sayHandedIn  = text{"%d handed in, %d done before, %d failed, %d left. The same command without --wait=false fetches the results", "បានដាក់ %d, រួចរាល់តាំងពីមុន %d, បរាជ័យ %d, នៅសល់ %d។ ពាក្យបញ្ជាដដែលដោយគ្មាន --wait=false នឹងទាញយកលទ្ធផល"}
	sayLeftOnes  = text{"Left:", "នៅសល់៖"}
	sayAndMore   = text{"  and %d more", "  និង %d ទៀត"}
	sayGoOn      = text{"What is done stays, and what is under way goes on at the platform. This goes on where it stopped:\n  %s", "អ្វីដែលរួចរាល់នៅដដែល ហើយអ្វីដែលកំពុងដំណើរការនៅតែបន្តនៅក្នុងប្រព័ន្ធ។ ដើម្បីបន្តពីកន្លែងដែលបានឈប់៖\n  %s"}

	sayCancelling = text{"job %s is being cancelled; the pages that were finished stay readable", "ការងារ %s កំពុងត្រូវបានបោះបង់; ទំព័រដែលរួចរាល់នៅតែអាចអានបាន"}
	sayDeleted    = text{"job %s is deleted, with its document and its result", "ការងារ %s ត្រូវបានលុប រួមទាំងឯកសារ និងលទ្ធផលរបស់វា"}
	sayNoJobs     = text{"There are no such jobs.", "គ្មានការងារបែបនេះទេ។"}
	sayMoreJobs   = text{"There are more: --limit shows more of them.", "មានច្រើនជាងនេះ៖ ប្រើ --limit ដើម្បីមើលបន្ថែម។"}

	headJob      = text{"JOB", "ការងារ"}
	headStatus   = text{"STATUS", "ស្ថានភាព"}
	headProgress = text{"PROGRESS", "វឌ្ឍនភាព"}
	headPages    = text{"PAGES", "ទំព័រ"}
	headCreated  = text{"CREATED", "បានដាក់នៅ"}
	headDocument = text{"DOCUMENT", "ឯកសារ"}
	headModel    = text{"MODEL", "ម៉ូដែល"}
	headName     = text{"NAME", "ឈ្មោះ"}
	headLanguage = text{"LANGUAGES", "ភាសា"}
	headReady    = text{"READY", "រួចរាល់"}
	headReason   = text{"REASON", "មូលហេតុ"}
	headOrg      = text{"ORGANIZATION", "អង្គភាព"}
	headPlan     = text{"PLAN", "គម្រោងសេវា"}
	headRunning  = text{"RUNNING", "កំពុងដំណើរការ"}
	headMonth    = text{"MONTH", "ខែ"}
	headUsed     = text{"USED", "បានប្រើ"}
	headReserved = text{"RESERVED", "បានកក់"}
	headLeft     = text{"LEFT", "នៅសល់"}
	headLimit    = text{"LIMIT", "កម្រិតកំណត់"}
	headResets   = text{"TURNS ON", "ខែថ្មីចាប់ផ្តើម"}
	headFile     = text{"LARGEST FILE", "ឯកសារធំបំផុត"}
	headSlots    = text{"JOBS AT A TIME", "ការងារក្នុងពេលតែមួយ"}
	headKey      = text{"KEY", "កូដ"}
	headScopes   = text{"SCOPES", "សិទ្ធិ"}
	headExpires  = text{"EXPIRES", "ផុតកំណត់"}
	headDay      = text{"DAY", "ថ្ងៃ"}
	sayYes       = text{"yes", "រួចរាល់"}
	sayNo        = text{"no", "មិនទាន់"}
	sayNever     = text{"never", "មិនផុតកំណត់"}

	headType      = text{"TYPE", "ប្រភេទ"}
	headAllowed   = text{"YOURS TO USE", "អាចប្រើ"}
	headGoes      = text{"PAGES", "ទំព័រ"}
	headPrice     = text{"PRICE", "តម្លៃ"}
	headAICost    = text{"COST OF AI", "ថ្លៃប្រើ AI"}
	headCost      = text{"COST", "ថ្លៃ"}
	headFallbacks = text{"FELL BACK", "អានដោយម៉ូដែលជំនួស"}
	headTokensIn  = text{"TOKENS IN", "ថូខឹនចូល"}
	headTokensOut = text{"TOKENS OUT", "ថូខឹនចេញ"}
	headSeconds   = text{"SECONDS", "វិនាទី"}
	sayAllowed    = text{"yes", "បាន"}
	sayRefused    = text{"no", "មិនបាន"}
	sayStays      = text{"stay", "នៅក្នុងប្រព័ន្ធ"}
	sayLeaves     = text{"leave the cluster", "ចេញក្រៅប្រព័ន្ធ"}
	sayPerPage    = text{"%s %s a page", "%s %s ក្នុងមួយទំព័រ"}
	sayPerTokens  = text{"%s in, %s out %s a million tokens", "ចូល %s, ចេញ %s %s ក្នុងមួយលានថូខឹន"}
	sayPagesEach  = text{"counts as %d pages", "រាប់ជា %d ទំព័រ"}
	sayMoneyOf    = text{"%s of %s %s", "%s ក្នុងចំណោម %s %s"}
	sayReadBy     = text{"; %s read %d pages, the recogniser %d others, %d failed", "; %s អាន %d ទំព័រ, ម៉ូដែលធម្មតាអាន %d ទំព័រទៀត, បរាជ័យ %d ទំព័រ"}

	sayNoGateway   = text{"no gateway of khocr is ready in namespace %s of this cluster: look at --context and --namespace", "គ្មាន gateway របស់ khocr ណារួចរាល់ក្នុង namespace %s នៃ cluster នេះទេ៖ សូមពិនិត្យ --context និង --namespace"}
	sayNoCluster   = text{"the cluster cannot be used: %s\nLook at KUBECONFIG, --kubeconfig and --context", "មិនអាចប្រើ cluster បានទេ៖ %s\nសូមពិនិត្យ KUBECONFIG, --kubeconfig និង --context"}
	sayBadSecret   = text{"--key-secret must look like namespace/name or namespace/name:key", "--key-secret ត្រូវមានទម្រង់ namespace/name ឬ namespace/name:key"}
	sayWhichSecret = text{"Secret %s has several entries: name one of them, as in %s:%s", "Secret %s មានធាតុច្រើន៖ សូមបញ្ជាក់មួយ ដូចជា %s:%s"}
	sayNoSecret    = text{"the Secret %s with the key cannot be read: %s", "មិនអាចអាន Secret %s ដែលមានកូដ API បានទេ៖ %s"}
	sayNoEntry     = text{"Secret %s has no entry %s", "Secret %s គ្មានធាតុ %s ទេ"}
)

// advice says what to do about a problem, beyond what the platform says of it.
var advice = map[client.ProblemCode]text{
	client.ProblemCodeMissingApiKey:         sayNoKey,
	client.ProblemCodeInvalidApiKey:         {"Look whether KHOCR_API_KEY, --key-file or --key-secret holds the whole key, and whether it is a key of this platform", "សូមពិនិត្យថា KHOCR_API_KEY, --key-file ឬ --key-secret មានកូដពេញលេញ ហើយជាកូដរបស់ប្រព័ន្ធនេះ"},
	client.ProblemCodeKeyExpired:            {"Ask those who run the platform for a new key", "សូមស្នើសុំកូដថ្មីពីអ្នកគ្រប់គ្រងប្រព័ន្ធ"},
	client.ProblemCodeInsufficientScope:     {"Use a key that may do this: khocr usage shows the scopes of keys", "សូមប្រើកូដដែលមានសិទ្ធិនេះ៖ khocr usage បង្ហាញសិទ្ធិរបស់កូដនីមួយៗ"},
	client.ProblemCodeOrganizationSuspended: {"Ask those who run the platform", "សូមសួរអ្នកគ្រប់គ្រងប្រព័ន្ធ"},
	client.ProblemCodePageQuotaExceeded:     {"khocr usage tells when the month turns", "khocr usage ប្រាប់ថាខែថ្មីចាប់ផ្តើមនៅពេលណា"},
	client.ProblemCodeInvalidFile:           {"Save it as PDF, and convert that", "សូមរក្សាទុកវាជា PDF រួចបម្លែងឯកសារ PDF នោះ"},
	client.ProblemCodeFileTooLarge:          {"Split the document, or scan it with fewer dots", "សូមបំបែកឯកសារ ឬស្កេនវាឱ្យមានគុណភាពទាបជាងនេះ"},
	client.ProblemCodeModelNotAllowed:       {"khocr models tells which are yours to use", "khocr models បង្ហាញម៉ូដែលដែលអ្នកអាចប្រើ"},
	client.ProblemCodeUnknownModel:          {"khocr models lists them", "khocr models បង្ហាញម៉ូដែលទាំងអស់"},
	client.ProblemCodeJobNotFound:           {"khocr jobs lists those of your organization", "khocr jobs បង្ហាញការងាររបស់អង្គភាពអ្នក"},
	client.ProblemCodeJobNotFinished:        {"khocr watch waits for its end", "khocr watch រង់ចាំរហូតដល់វាបញ្ចប់"},
	client.ProblemCodeFormatUnavailable:     {"Take another --format", "សូមជ្រើសរើស --format ផ្សេង"},
	client.ProblemCodeResultExpired:         {"Convert the document again", "សូមបម្លែងឯកសារម្តងទៀត"},
	client.ProblemCodeJobDeleted:            {"Convert the document again", "សូមបម្លែងឯកសារម្តងទៀត"},
}

// remedies for failed jobs, where trying once more would not help.
var remedies = map[client.FailureCode]text{
	client.FailureCodeModelNotAllowed:         {"Take another --model: khocr models tells which are yours to use", "សូមប្រើ --model ផ្សេង៖ khocr models បង្ហាញម៉ូដែលដែលអ្នកអាចប្រើ"},
	client.FailureCodeExternalModelNotAllowed: {"Take another --model, or ask those who run the platform to allow this one", "សូមប្រើ --model ផ្សេង ឬស្នើសុំអ្នកគ្រប់គ្រងប្រព័ន្ធឱ្យអនុញ្ញាតម៉ូដែលនេះ"},
	client.FailureCodePasswordProtected:       {"Set KHOCR_PASSWORD to its password, and run the command again", "សូមដាក់ពាក្យសម្ងាត់របស់ឯកសារក្នុង KHOCR_PASSWORD រួចដំណើរការពាក្យបញ្ជានេះម្តងទៀត"},
	client.FailureCodeInvalidDocument:         {"Open it in a viewer and save it anew", "សូមបើកឯកសារនេះក្នុងកម្មវិធីមើលឯកសារ រួចរក្សាទុកវាជាថ្មី"},
	client.FailureCodeEmptyDocument:           {"Look at the document", "សូមពិនិត្យឯកសារនេះ"},
	client.FailureCodeTooManyPages:            {"Split the document", "សូមបំបែកឯកសារនេះ"},
	client.FailureCodeDeadlineExceeded:        {"Convert it in parts, by --pages", "សូមបម្លែងវាម្តងមួយផ្នែក តាម --pages"},
	client.FailureCodePagesOutOfRange:         {"Name pages that it has, by --pages", "សូមបញ្ជាក់ទំព័រដែលឯកសារមាន តាម --pages"},
	client.FailureCodePageQuotaExceeded:       {"Convert fewer pages, by --pages, or wait for the next month: khocr usage tells how many are left", "សូមបម្លែងទំព័រតិចជាងនេះ តាម --pages ឬរង់ចាំខែក្រោយ៖ khocr usage ប្រាប់ចំនួនទំព័រដែលនៅសល់"},
}

// statusWords are the states of jobs for people.
var statusWords = map[client.JobStatus]text{
	client.QUEUED:     {"QUEUED", "កំពុងរង់ចាំ"},
	client.PROCESSING: {"PROCESSING", "កំពុងដំណើរការ"},
	client.COMPLETED:  {"COMPLETED", "បានបញ្ចប់"},
	client.FAILED:     {"FAILED", "បានបរាជ័យ"},
	client.CANCELLED:  {"CANCELLED", "បានបោះបង់"},
}
