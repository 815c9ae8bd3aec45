"""What mail programs write above a quoted or forwarded mail, in the languages of their users: data only."""

from __future__ import annotations

import unicodedata


def plain(words: str) -> str:
    """As the tables below are written: lower case, single blanks, no emphasis, no dot over a Turkish i."""
    folded = unicodedata.normalize("NFC", words.replace("*", " ")).lower().replace("\u0307", "")
    return " ".join(folded.split())


def _words(*lines: str) -> tuple[str, ...]:
    return tuple(word for line in lines for word in line.split("|"))


FROM = _words(
    "de|da|from|od|von|mittente|van|de la|fra|från|avsändare|odesílatel|odosielateľ|nadawca|lähettäjä|saatja",
    "feladó|kimden|gönderen|от|от кого|отправитель|від|від кого|відправник|από|מאת|من|差出人|送信者|发件人|寄件者",
    "寄件人|보낸 사람|보낸사람|발신|remitent|remitente|expéditeur|remetente|expeditor|absender|afzender|afsender",
    "šalje|pošiljatelj|od koga|pošiljatelja|pošiljateľ|dari|từ|จาก",
    "од|nuo|no|siuntėjas|sūtītājs|người gửi|pengirim|المرسل|از|expéditrice|送信元",
)
TO = _words(
    "a|an|do|to|à|para|pour|aan|naar|til|till|komu|adresát|adresat|příjemce|príjemca|pre|za|prima|primatelj|vastaanottaja",
    "saaja|kellele|címzett|către|catre|kime|alıcı|кому|получатель|одержувач|προς|אל|إلى|宛先|收件人|받는 사람",
    "收件者|받는사람|수신|per|per a|empfänger|destinataire|destinatar|destinatario|destinatário|ontvanger|modtager",
    "mottaker|mottagare|kam|kepada|đến|ถึง|primatelji|adressaat|saajad",
    "до|за|收件者|người nhận|penerima|المستلم|به|gavėjas|saņēmējs|destinataires|destinatari|címzett|címzettek",
)
CC = _words(
    "cc|kopi|kopie|kopie (cc)|copie|copie à|copia|cópia|kopi til|kopia|kopia till|kopia do|do wiadomości|dw|dw.",
    "udw|kópia|kopija|kopio|koopia|másolat|másolatot kap|bilgi|karbon kopya|копия|копія|κοιν|κοινοποίηση|κοιν.",
    "עותק|نسخة|抄送|副本|参照|참조|còpia|a/c|c/c|con copia|com cópia|copie (cc)|copia (cc)|kopio (cc)|cc.",
    "cópia (cc)|kópia (cc)|copie carbon|copie carbone|kopia (dw)|tembusan|tilf",
)
BCC = _words(
    "bcc|blindkopi|blindkopie|cci|cco|ccn|skrytá kopie|skrytá kópia|skjult kopi|hemlig kopia|piilokopio",
    "titkos másolat|gizli|скрытая копия|прихована копія|密送|blind copy|ukryta kopia|blindkopia",
)
SUBJECT = _words(
    "subject|betreff|objet|sujet|asunto|oggetto|onderwerp|assunto|emne|ämne|tema|temat|tytuł|předmět|predmet",
    "naslov|aihe|otsikko|teema|tárgy|subiect|konu|тема|θέμα|נושא|الموضوع|件名|主题|主題|主旨|제목|assumpte|titre",
    "perihal|chủ đề",
    "subjek|относно|предмет|наслов|zadeva|tēma|موضوع|เรื่อง|teema|tiêu đề",
)
DATE = _words(
    "data|date|sent|datum|gesendet|gesendet am|envoyé|envoyé le|date d'envoi|enviado|enviado el|enviada",
    "enviada em|enviado em|fecha|inviato|inviata|verzonden|verzonden op|dato|sendt|sendt dato|skickat|skickat den",
    "wysłano|data wysłania|odesláno|odoslané|odoslané dňa|dátum|poslano|lähetetty|päivämäärä|päiväys|pvm|kuupäev",
    "saadetud|elküldve|küldve|trimis|trimis la|dată|tarih|gönderildi|gönderme tarihi|gönderilme|дата|отправлен",
    "отправлено|дата отправки|надіслано|відправлено|ημερομηνία|στάλθηκε|תאריך|נשלח|التاريخ|日時|日付|送信日",
    "送信日時|发送时间|时间|发送日期|日期|傳送日期|寄件日期|날짜|보낸 날짜|보낸날짜|일시|enviat|enviat el",
    "تاريخ الإرسال|تم الإرسال|skickad|wysłane|gönderilme tarihi|εστάλη|發送時間|已发送|message du",
    "data d'enviament|zeit|tanggal|ngày|date et heure|datum i vrijeme",
    "изпратено|послато|poslato|испратено|išsiųsta|nosūtīts|đã gửi|dikirim|تم الإرسال|تاريخ الإرسال|تاریخ|ส่ง|傳送時間",
    "gesendet um|enviado a|sent at|sent on|送信日付|датум|дата и време",
)
OTHER = _words(
    "vasta|vastaa|reply-to|reply to|antwort an|antwort-an|répondre à|responder a|rispondi a|antwoord aan|svar til",
    "svara till|odpověď|odgovor|odpowiedz do|odpovědět komu|odpovedať|vastausosoite|válaszcím|răspuns către|yanıt",
    "yanıtla|ответить|відповісти|回复|回覆|返信先|답장|responder para|rispondi-a|отвечать|кому ответить|priority",
    "importance|wichtigkeit|priorität|importancia|prioritet|attachment|attachments|anlagen|anhang|pièces jointes",
    "adjuntos|datos adjuntos|allegati|bijlagen|anexos|vedhæftede filer|bilagor|załączniki|přílohy|liitteet",
    "organization|organisation|resent-from|resent-to|resent-date",
    "sensitivity|вложения|附件|添付ファイル|첨부|melléklet|ek|ekler|priorité",
    "priorità|importanza|urgentie|prioriteit|důležitost|priorita|dôležitosť|importância|prioridade|prioridad|ważność",
    "priorytet|viktighet|tärkeys|prioriteetti|fontosság|importanță|prioritate|важность|приоритет|важливість|önem",
    "σπουδαιότητα|προτεραιότητα|важност|važnost|重要度|重要性|중요도|importància|allegato|bijlage|bijlages|załącznik",
    "příloha|liite|vedhæftet|vedlegg|bilaga|fichiers joints|fichier joint|приложение|прикачени файлове|категории",
    "categories|kategorien|catégories|vertraulichkeit|security|crypto|reply|adres zwrotny",
)
RAW = _words(
    "received|return-path|delivered-to|message-id|mime-version|content-type|content-transfer-encoding|in-reply-to",
    "references|user-agent|mailing-list|list-id|dkim-signature|authentication-results|x-mailer|content-language",
)
"""No mail program shows these: they are copied from a mail as it came, mostly by a server that returns it."""
ROLES = {
    word: role
    for role, words in (
        ("other", OTHER), ("bcc", BCC), ("date", DATE), ("cc", CC), ("to", TO), ("subject", SUBJECT), ("from", FROM),
    )
    for word in words
}  # fmt: skip
"""What each field of a mail's header is, by its name."""

FORWARDED = _words(
    "forwarded mail|forwarded message|begin forwarded message|forwarded by|forwarded email|fwd message",
    "forwarded from|forward message|weitergeleitete nachricht|anfang der weitergeleiteten|weitergeleitet von",
    "weitergeleitete mail|weitergeleitete e-mail|beginn der weitergeleiteten|message transféré|message transmis",
    "mail transféré|début du message|courriel transféré|message réexpédié|e-mail transféré|mensaje reenviado",
    "inicio del mensaje|comienzo del mensaje|mensaje transferido|correo reenviado|messaggio inoltrato",
    "inizio messaggio|inizio del messaggio|doorgestuurd bericht|begin doorgestuurd|doorgestuurde bericht",
    "doorgestuurde e-mail|mensagem encaminhada|mensagem reencaminhada|início da mensagem",
    "e-mail encaminhado|email reencaminhado|inicio da mensagem|videresendt|videresendt meddelelse",
    "begin videresendt|start på videresendt|videresendt besked|videresendte|start på videresendte",
    "begynnelse på videresendt|videresendt melding|begynnelsen på videresendt|vidarebefordrat",
    "vidarebefordrat meddelande|vidarebefordrat brev|vidarebefordrade|börja vidarebefordrat",
    "början på det vidarebefordrade|påbörjat vidarebefordrat|przekazana wiadomość|wiadomość przekazana",
    "początek przekazywanej|treść przekazanej|treść przekazywanej|przesłana wiadomość|początek przekazanej",
    "forwardowana wiadomość|przekazywana wiadomość|wiadomość przesłana|přeposlaná|přeposlaná zpráva",
    "přeposlaný e-mail|předávaná zpráva|začátek přeposílané|začátek předávané|přeposílaná|preposlaná",
    "preposlaná správa|začiatok preposlanej|preposielaná|začiatok preposielanej",
    "edelleen lähetetty|välitetty|välitetty viesti|lähetetty edelleen|edelleenlähetetty|alkaa välitetty",
    "välitetyn viestin|alkuperäinen välitetty|edastatud|edastatud kiri|edastatud sõnum|algab edastatud",
    "edasi saadetud|továbbított|továbbított levél|továbbított üzenet|a továbbított levél kezdete|továbbítva",
    "mesaj redirecționat|redirecționat|mesaj redirectionat|mesaj înaintat|mesajul redirecționat|mesaj transmis",
    "începutul mesajului|începe mesajul|mesaj retransmis|mesaj redirecţionat|proslijeđena|prosljeđena",
    "proslijeđena poruka|započni proslijeđenu|proslijeđenu|početak proslijeđene|proslijeđeno|prosleđena",
    "пересылаемое сообщение|пересланное|пересланное сообщение|перенаправленное|перенаправленное сообщение",
    "переадресованное сообщение|начало переадресованного|начало пересылаемого|начало пересланного",
    "пересылаемое письмо|пересланное письмо|переслано|переслане|переслане повідомлення|пересилається",
    "початок пересланого|початок переадресованого|початок листа|переадресоване|перенаправлене|пересланий",
    "пересилання|iletilen mesaj|iletilmiş mesaj|iletilen ileti|iletilen posta|iletilmiş ileti|yönlendirilen",
    "iletilen e-posta|başlangıç iletilen|iletinin başlangıcı|yönlendirilmiş|iletilmiş posta|προωθημένο",
    "προωθημένο μήνυμα|έναρξη προωθημένου|αρχή προωθημένου|הודעה שהועברה|הועבר|הודעה מועברת|תחילת ההודעה",
    "転送メッセージ|転送された|転送されたメッセージ|転送メール|以下、転送|以下は転送|以下是转发|转发的邮件",
    "转发邮件|转发邮件信息|開始轉寄|开始转发|轉寄郵件|轉寄的郵件|轉寄的訊息|已轉寄|已转发|轉發|下面是被转发",
    "转发的消息|전달된|전달된 메일|전달된 메시지|전달 메시지|전달한|missatge reenviat|comença el missatge",
    "inici del missatge|رسالة معاد|thư được chuyển tiếp|bắt đầu thư được chuyển tiếp",
)
"""Stand over a forward only."""
ORIGINAL = _words(
    "original|original message|original mail|original-nachricht|originalna|originalnachricht|original email",
    "ursprüngliche|original nachricht|original appointment|message original|message d'origine|message initial",
    "mensaje original|messaggio original|messaggio originale|oorspronkelijk|origineel bericht|mensagem original",
    "oprindelig|ursprungligt|originalmeddelande|opprinnelig|original melding|original besked|wiadomość oryginalna",
    "oryginalna|původní|pôvodná|alkuperäinen viesti|eredeti|eredeti üzenet|mesaj original|mesajul original",
    "mesaj inițial|izvorna|исходное|оригинальное|исходное письмо|первоначальное|оригінальне|вихідне|початкове",
    "orijinal|özgün|asıl ileti|αρχικό|הודעה מקורית|元のメッセージ|原始邮件|原始郵件|原邮件|원본|missatge original",
    "algne|esialgne",
)
"""Stand over an answer's history, and in some programs over a forward."""
ENDS = _words(
    "end of forwarded|end forwarded",
    "ende der weitergeleiteten|завершение пересылаемого|конец пересылаемого|fin du message",
    "fin del mensaje|fine messaggio|einde doorgestuurd|конец пересланного",
)

DATED = ("message du ",)

FORWARD_PREFIXES = _words(
    "i|forward|forwarded|tr|vs|fw|fwd|weitergeleitet|reenv|reenviado|inoltra|doorgestuurd|enc",
    "videresend|videresendt|vidarebefordrat|przek|přep|tov|továbbított|redir|proslj|пер|пересл",
    "переслано|הועבר|転送|转发|轉寄|轉發|전달|wg|rv|doorst|vb|vl|pd|redir.|ilt|továbbítás|inoltro|переслать",
    "πρθ|fwd.|fw.|trs|přeposlat|fwrd|enc.|pr|препр|препр.|прослеђено|prosleđeno|pārs|pārs.|persiųsta|إعادة توجيه",
    "chuyển tiếp|terusan|proslijeđeno",
)
REPLY_PREFIXES = _words(
    "r|re|aw|відп|απ|res|vast|ref|antw|antwort|ré|sv|odp|vá|отв|回复|回覆|返信|답장|ynt|rif|תגובה|השב|答复|hs|bls",
)
VERBS = _words(
    "wrote|schrieb|a écrit|écrit|escribió|ha scritto|scritto|schreef|geschreven|escreveu|skrev|napisał|napisała",
    "napisał(a)|napsal|napsala|napsal(a)|napísal|napísala|napísal(a)|kirjoitti|kirjutas|írta|ezt írta|a scris",
    "scris|napisao|napisala|je napisao|написал|писал|написала|писала|написал(а)|пише|написав|написала(в)|yazdı",
    "şunu yazdı|έγραψε|כתב|כתב/ה|のメール|写道|寫道|님이 작성|va escriure|shkroi|rašė|napisao/la|je napisao/la",
    "пишет|geschrieben|scrisse|skrifaði|wrote via",
)
JOINTS = _words(
    "w|ha|hat|a|at|il|o|am|u|the|data|on|om|no|le|el|em|va|saat|den|от|від|je|à|til|kell|ο|op|η|um|via|dňa|תאריך",
    "las|alle|kl|uur|på|în|ב|ezt|şunu|giorno|dia|no dia|dne|dnia|w dniu|kl.|heeft|a las|ore|uživatel|používateľ",
    "korisnik|użytkownik|пользователь|користувач|tarihinde|keltezéssel|klo|în data de|utilizatorul|dana|στις|ο/η",
    "uhr|lunedì|kirjutas kuupäeval|kuupäeval|kasutaja|el dia|a(z)|χρήστης",
)
"""Small words around the name and the date in "On …, Ana wrote:"."""
