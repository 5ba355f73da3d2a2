"""The words in the names of visits that name no place: what is done, when, and what any town has."""

import re
import unicodedata
from functools import lru_cache
from typing import Final

_WORD: Final = re.compile(r"\w+")

# In scripts that write words without spaces, and particles between them.
_UNSPACED: Final = re.compile(
    "朝食|昼食|夕食|夜食|軽食|食事|朝ごはん|昼ごはん|晩ごはん|ランチ|ディナー|カフェ|自由時間|自由行動|休憩|散策|"
    "ホテル|レストラン|居酒屋|早餐|午餐|晚餐|午饭|晚饭|自由活动|休息|酒店|餐厅|아침|점심|저녁|식사|자유시간|휴식|호텔|"
    "อาหาร(?:เช้า|กลางวัน|เย็น)|[でのをとにはへ在]"
)


@lru_cache(maxsize=4096)
def words(name: str) -> frozenset[str]:
    """Return the words of a name, however its accents, case and punctuation are written."""
    plain = unicodedata.normalize("NFKD", _UNSPACED.sub(" ", unicodedata.normalize("NFKC", name)).casefold())
    bare = "".join(letter for letter in plain if not unicodedata.combining(letter))
    return frozenset(_WORD.findall(bare))


FILLERS: Final = words(
    """
    a an and at by for from in into near of on or the this to with your our optional visit visiting
    explore exploring see seeing discover guided tour breakfast brunch lunch dinner supper meal coffee
    drinks snack de del der den des die das du el en et im la las le les lo los o os y zu zum zur al am
    bei da do dos das em à au aux avec chez e ed il gli nel nella presso i w na we u v s besuch
    besichtigung führung frühstück mittagessen abendessen visita visitar visite visiter desayuno
    almuerzo comida cena déjeuner dîner colazione pranzo jantar almoço ontbijt avondeten śniadanie obiad
    kolacja завтрак обед ужин в на и öğle akşam yemeği kahvaltı فطور إفطار غداء عشاء الغداء العشاء ארוחת
    צהריים ערב בוקר नाश्ता दोपहर रात भोजन frukost middag frokost aften aftensmad illallinen lounas
    aamiainen snídaně oběd večeře
    """
)
"""Words without which a name means the same."""

GENERIC: Final = FILLERS | words(
    """
    walking walk stroll through along around hike hiking day trip excursion half full morning noon
    midday afternoon evening night sunset sunrise early late last first final more time free leisure
    rest relax relaxing nap break pause siesta arrival arrive departure depart transfer check checkin
    checkout out tea drink picnic aperitif aperitivo tapas dessert food seafood fish sushi ramen pizza
    pasta steak curry noodles soup dumplings barbecue bbq grill burger burgers sandwich sandwiches ice
    cream gelato pastry pastries wine beer cuisine dish dishes specialty specialties specialities
    tasting vegetarian vegan halal kosher gluten casual quick light family farewell welcome spaziergang
    freizeit paseo tiempo libre promenade petit pequeno café temps passeggiata tempo livre passeio
    прогулка свободное время vrije tijd czas wolny restaurant restaurants restaurante ristorante
    trattoria taverna tavern bar bars pub pubs bistro bakery eatery cafe cafes cafeteria canteen diner
    local traditional typical nearby hotel hostel apartment accommodation lodging guesthouse resort home
    room street market markets food stall stalls shop shops shopping souvenir souvenirs old town city
    center centre downtown historic historical quarter neighborhood neighbourhood area district altstadt
    innenstadt beach beaches pool swim swimming sea seaside lake river riverside waterfront harbor
    harbour port park parks playground garden gardens nature packing luggage airport station train bus
    flight plane ferry board ski skiing slopes snowboarding surf surfing lesson lessons class diving
    snorkeling snorkelling safari game drive spa wellness yoga sauna onsen bath nightlife photo photos
    boat ride scenic viewpoint view views sightseeing activity activities kids
    """
)
"""A name of nothing but these may come again."""

_KINDS: Final = (
    "museum museo musée museu muzeum müze",
    "park parc parque parco parken",
    "garden jardín jardim jardin giardino garten",
    "palace palacio palácio palazzo palau palais palast palota pałac",
    "castle castillo castelo castello castell château burg zamek",
    "cathedral catedral cattedrale cathédrale kathedrale katedra katedrála",
    "basilica basilique basilika bazilika",
    "church iglesia igreja chiesa église kirche kerk kościół",
    "bridge puente ponte pont brücke brug most",
    "tower torre turm toren torony",
    "square plaza praça piazza plaça platz plein",
    "beach playa praia spiaggia plage platja strand",
    "market mercado mercato mercat marché markt",
    "gallery galería galeria galleria galerie",
    "national nacional nazionale nationale",
    "royal real reale reial royale",
)
_IN_ENGLISH: Final = {word: min(words(kind.split()[0])) for kind in _KINDS for word in words(kind)}


def in_one_language(named: frozenset[str]) -> frozenset[str]:
    """Return words with those for kinds of sights in English: a museo is a museum, and a parc a park."""
    return frozenset(_IN_ENGLISH.get(word, word) for word in named)
