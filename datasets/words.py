"""Words of the European languages in Latin script: a few of each, so that every letter of it occurs.

They serve where `wordfreq` (`pip install scriba[train]`) is missing or lacks a language.
"""

from collections.abc import Mapping

WORDS: Mapping[str, str] = {
    "en": "the of and to a in that was he it his with as had for she not at but be on they you by which have him this "
    "from were one all are her there when said would been who so their no or an if more will we what them up out into "
    "time could some than then now other its two only after first any little like about made great before over such "
    "people house water world night morning country letter window journey question knowledge beautiful quickly jazz "
    "voyage exactly zero quite subject evidence judge weather forty hundred thousand yesterday church kingdom village",
    "de": "der die das und in zu den nicht von sie ist des sich mit dem dass er es ein ich auf so eine auch als an "
    "nach wie im für man aber aus durch wenn nur war noch werden bei hat wir was wird sein einen welche sind oder um "
    "haben einer mir über ihm diese einem ihr uns da zum zur kann doch vor dieser mich ihn hatte mehr ja unter größer "
    "schön Straße Jahr Zeit Haus König Mädchen Wasser Frage Bücher Schloß Gesetz Österreich fünf zwölf möglich zurück",
    "fr": "de la le et les des en un du une que est pour qui dans a par plus pas au sur ne se ce il sont avec ou son "
    "aux d'un cette comme être fait été où même très après déjà français garçon île forêt hôtel l'année aujourd'hui "
    "mère père élève château naïf œuvre sœur voilà théâtre goût sûr août dîner bientôt côté leçon aiguë haïr",
    "es": "de la que el en y a los se del las un por con no una su para es al lo como más pero sus le ya o este sí "
    "porque esta entre cuando muy sin sobre también me hasta hay donde año señor niño mañana corazón país pingüino",
    "it": "di che è e la il un a per in una mi sono ho non ma lo ha le si ti i con cosa se io come da ci no questo "
    "qui perché più così città università però già sarà virtù",
    "pt": "de a o que e do da em um para com não uma os no se na por mais as dos como mas ao ele das à seu sua ou "
    "quando muito já está também só pelo coração ação irmã avô português você ninguém põe",
    "nl": "van de het een en in is dat op te zijn met voor niet aan er om ook als dan maar bij nog uit naar door over "
    "worden huis water zee reis vraag mooi België één coördinatie",
    "sv": "och i att det som en på är av för med till den har de inte om ett han men var jag sig från vi så kan år "
    "när då nu över även själv också förstå",
    "da": "og i at det er en til af på for med den der de ikke som et han har var jeg men om vi så år når også være "
    "første København ældre øl",
    "nb": "og i det på som er en til å han av for med at var de ikke den har jeg om et men så seg hun hadde fra vi du "
    "år være også første ønsker bærer språk",
    "is": "og að í á er sem það til við um en ekki ég var hann með af fyrir þeir hún hafa þessi eru þá þegar maður "
    "dagur ísland þjóð sæti mjög öll búið yfir ýmis nótt höfðu",
    "fi": "ja on ei se että oli hän mutta ovat kun niin myös kuin joka sen jos mitä sitä tämä vain sitten vielä nyt "
    "hyvä päivä yö työ öljy sää äiti",
    "et": "ja on ei see et oli ta aga kui ka mis oma või nii siis veel välja üks aasta inimene päev töö küsimus õhk "
    "hääl öö šokk žanr sõna mõned",
    "lv": "un ir no ar par uz ka kas bet vai arī tas viņš viņa tā kā lai pēc gan jau šis vēl gads cilvēks diena ūdens "
    "ģimene ķirsis ļoti ņemt žurnāls čakls šķirt māja īss ēst",
    "lt": "ir yra kad į iš su tai bet kaip jis ji taip ar nuo ne per apie dar tik žmogus metai diena ąžuolas čia "
    "gražus ėjo įdomu šiandien ūkis ųjų žodis vėjas",
    "pl": "i w na z do się nie to że jest o jak po co tak za od ale czy go już był tylko być może gdzie więc życie "
    "świat człowiek źródło język łódź ćwierć można książka",
    "cs": "a se v na je že to s z do i o k ve pro za by ale si po jako jsem tak však být když už jeho který také "
    "člověk měsíc dítě příliš žluťoučký kůň úpěl ďábelské ódy řeč účet štěstí něco",
    "sk": "a sa v na je že to s z do aj o k vo pre za by ale si po ako som tak však byť keď už jeho ktorý tiež človek "
    "mesiac dieťa ľúbiť ťažký ďakujem vŕba stĺp môj mäso ňou čaká žiť úloha šťastie",
    "hu": "a az és hogy nem is egy ez de van volt meg csak már ha mint ki még után vagy minden ember idő fő erős nő "
    "kettő fűz őszi szűk tűz út írás öröm üveg újság később",
    "ro": "de și în a la cu pe că nu o din un mai este sunt pentru ce se dar care au fost ca după când fără acest "
    "țară știe oraș însă între băiat mâine să viață întâi",
    "tr": "ve bir bu da de için ile çok daha gibi ne var olan sonra ben o en kadar ama her mi ki değil şey gün yıl "
    "insan çocuk güzel öğretmen ışık İstanbul ağaç şimdi ılık düğün iyi bugün",
    "mt": "il u ta li fil ma kien għal minn din dan hija huwa iżda biss mhux jew sena nies ħafna żmien ġurnata ċertu "
    "għandu ħobż ġdid żgħir ċavetta",
    "cy": "y a yn i o ar mae ei am wedi ond oedd gan fel hyn bod eu un ni nid pan dydd blwyddyn tŷ dŵr gŵr ŷd môr tân "
    "pêl sŵn llwybr ysgrifennu gwyrdd ffordd",
    "hr": "i u je se na da za su od s a ne iz o kao što bi ali koji to sve samo kad već čovjek godina dan kuća đak "
    "šuma život ćemo žena još džep",
    "sl": "in je v na se da za so z od ki ne po tudi pa kot bi ali iz do še pri biti človek leto dan hiša življenje "
    "čas žena šola več",
    "ga": "an na i a ar is agus do le go bhí sé sí ach mé tá níl bliain lá fear bean teach uisce oíche tír fírinne "
    "scéal críoch cúpla óg éan",
    "ca": "de la i a el que en les un per del els amb una es no al és com més però seva col·legi any dia això també "
    "després àvia llengua país força qüestió",
    "sq": "dhe në e të i me për një nga që është si ka do nuk por ky kjo vit ditë njeri shtëpi çdo gjë zemër fëmijë",
    "la": "et in est non ad ut cum qui sed quod de si per ex nec aut quae atque etiam esse rex bellum anno domini "
    "liber caput ecclesia sanctus virtus",
}  # fmt: skip
OTHER_SCRIPTS: Mapping[str, str] = {
    "ru": "и в не на я что он с как это по но они мы все она так его только меня было вот от ещё нет для когда жизнь "
    "человек время город щука объект съезд",
    "uk": "і в не на що я з як це він та до але так від за його був вона мене ще коли життя людина місто їжак ґанок",
    "bg": "и на да не се за от е в той с това като по но ще са има което време човек живот година",
    "el": "και να το του η που με για την από στο είναι δεν ένα θα της τα ότι αυτό μου σας άνθρωπος χρόνος ζωή ημέρα",
}
"""Languages that are told from the others, but whose letters are not read."""
LANGUAGES = dict(
    en=0.27, de=0.1, fr=0.09, es=0.05, it=0.05, pt=0.03, nl=0.03, sv=0.025, da=0.025, nb=0.025, fi=0.015, et=0.01,
    lv=0.025, lt=0.025, pl=0.03, cs=0.035, sk=0.025, hu=0.035, ro=0.025, tr=0.035, hr=0.01, sl=0.01, mt=0.01,
    cy=0.01, ga=0.005, ca=0.01, sq=0.005, la=0.01,
)  # fmt: skip
LANGUAGES["is"] = 0.025
"""Languages of running text, with their shares."""
QUOTES: Mapping[str, str] = {
    **dict.fromkeys(("en", "nl", "ga", "cy", "mt", "tr", "la"), "“ ” ‘ ’"),
    **dict.fromkeys(("de", "cs", "sk", "sl", "lt", "et", "is", "hr", "sq"), "„ “ ‚ ‘"),
    **dict.fromkeys(("pl", "hu", "ro"), "„ ” « »"),
    **dict.fromkeys(("fr", "es", "it", "pt", "ca", "lv"), "« » “ ”"),
    **dict.fromkeys(("sv", "fi"), "” ” » »"),
    **dict.fromkeys(("da", "nb"), "» « « »"),
}
"""Marks that open and close speech in print, and speech within speech."""
DOUBTFUL = (
    "aàáâãäåāăąæ cçćĉċč dďđð eèéêëēĕėęě gĝğġģ hħ iìíîïīıį kķ lĺļľł nñńņňŋ oòóôõöøőœō rŕřŗ sśŝşšș tţťțŧþ "
    "uùúûüũūŭůűų wŵẁẃẅ yýŷÿỳ zźżž bßþ lI1|i! 0OoQ 5Ss 8B 2Zz 6G rn vu ., ;: “”\"„ ‘’'‚` -–— «‹< »›> /lI|\\"
)
"""Characters that are easily taken for one another, in groups."""
