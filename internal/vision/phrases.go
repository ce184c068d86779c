package vision

import "regexp"

// refusal is how models say that they will not, or cannot, in the languages that they do it in.
var refusal = regexp.MustCompile(`(?i)` +
	`\b(?:i['’]?m|i am) (?:really |very |so )?sorry\b|\bi apologi[sz]e\b|\b(?:i|we) (?:can['’]?t|cannot|can not|am unable to|['’]?m unable to|am not able to|['’]?m not able to|won['’]?t) ` +
	`|\bunable to (?:read|process|transcribe|extract|assist|help|view)\b|\bno (?:readable |legible |visible )?text (?:is |was |could be )?(?:visible|found|detected|in the image)\b` +
	`|\bas an ai\b|\bas a language model\b` +
	`|សូម(?:អភ័យ|អធ្យាស្រ័យ)|សូមទោស|សុំទោស|ខ្ញុំមិនអាច|មិនអាច(?:អាន|ស្រង់|ជួយ|បំពេញ|មើល)` +
	`|je suis désolée?|je ne (?:peux|suis) pas|désolée?, |lo siento|no puedo |es tut mir leid|ich kann (?:nicht|den|das|diese)` +
	`|xin lỗi|tôi không thể|抱歉|对不起|對不起|我(?:无法|無法|不能)|ขออภัย|ขอโทษ|ไม่สามารถ`)

// remark is what models say about a text beside it.
var remark = regexp.MustCompile(`(?i)` +
	`\bhere(?:['’]s| is| are)\b.{0,40}\b(?:text|transcription|transcript|content|translation|extraction|result|ocr)\b` +
	`|\b(?:the|this|your) (?:provided |uploaded |given |attached )?(?:image|picture|photo|photograph|scan|screenshot)\b.{0,30}\b(?:shows?|contains?|depicts?|displays?|appears?|is|has|features?|reads?)\b` +
	`|\bthe (?:provided |uploaded |given |attached )?(?:page|document|text) (?:shows|contains|depicts|displays|appears to|seems to|is a |is written in|reads)\b` +
	`|\b(?:text|content|transcription|words) (?:in|of|from|on|shown in|extracted from|visible in) (?:the|this) (?:image|picture|photo|scan|page|document)\b` +
	`|\bi(?: have|['’]ve)? (?:transcribed|extracted|read|translated|omitted|corrected)\b|\blet me (?:know|transcribe|read|extract|look|try)\b|\bi hope (?:this|that) helps\b|\bfeel free to\b|\bplease note that\b` +
	`|^\s*(?:sure|certainly|of course|okay|absolutely)[,!.]|^\W*note: (?:the|this|some|i |parts?)|\b(?:translation|translated text|summary|english translation):` +
	`|(?:នេះ|ខាងក្រោម(?:នេះ)?)(?:គឺ)?ជា(?:អត្ថបទ|អក្សរ|ខ្លឹមសារ|ការចម្លង|លទ្ធផល)|រូបភាព(?:នេះ)?(?:បង្ហាញ|មាន|គឺ)|(?:អត្ថបទ|អក្សរ|ខ្លឹមសារ)(?:នៅ)?(?:ក្នុង|ពី|លើ)រូបភាព|អត្ថបទដែល(?:បាន)?(?:ស្រង់|ដកស្រង់|ចម្លង)|សង្ឃឹមថា(?:វា|នេះ)(?:ជួយ|មានប្រយោជន៍)` +
	`|voici (?:le|la|les) (?:texte|transcription|contenu)|(?:cette|l['’])\s?image (?:montre|contient|représente)|aquí está el texto|la imagen (?:muestra|contiene)|hier ist der text|das bild (?:zeigt|enthält)` +
	`|以下是|这是图片|图片中|图像中|圖片中|这张图|這張圖|นี่คือข้อความ|ข้อความในภาพ|dưới đây là|hình ảnh (?:này|cho thấy)`)
